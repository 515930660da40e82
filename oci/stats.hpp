// The document of `events`: what a container uses, in runc's shape.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nucleus::oci {

// Times are nanoseconds, sizes bytes. A list that the host does not have (per processor, on v2) stays empty.
struct CpuUsage {
  std::uint64_t total = 0;
  std::uint64_t kernel = 0;
  std::uint64_t user = 0;
  std::vector<std::uint64_t> per_cpu;
  std::vector<std::uint64_t> per_cpu_kernel;
  std::vector<std::uint64_t> per_cpu_user;
  bool operator==(const CpuUsage&) const = default;
};

struct CpuThrottling {
  std::uint64_t periods = 0;
  std::uint64_t throttled_periods = 0;
  std::uint64_t throttled_time = 0;
  bool operator==(const CpuThrottling&) const = default;
};

// No limit is UINT64_MAX.
struct MemoryUsage {
  std::uint64_t limit = 0;
  std::uint64_t usage = 0;
  std::uint64_t max = 0;
  std::uint64_t failures = 0;
  bool operator==(const MemoryUsage&) const = default;
};

struct BlockIoEntry {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::string operation;  // Read, Write, Sync, Async, Discard, Total
  std::uint64_t value = 0;
  bool operator==(const BlockIoEntry&) const = default;
};

struct Stats {
  CpuUsage cpu;
  CpuThrottling throttling;
  std::uint64_t cache = 0;
  MemoryUsage memory;
  MemoryUsage swap;  // v1: memory and swap together
  MemoryUsage kernel;
  MemoryUsage kernel_tcp;
  std::map<std::string, std::uint64_t> memory_raw;  // memory.stat
  std::uint64_t pids = 0;
  std::uint64_t pids_limit = 0;  // 0: none
  std::vector<BlockIoEntry> io_bytes;
  std::vector<BlockIoEntry> io_operations;
  std::map<std::string, MemoryUsage> hugetlb;  // by page size
};

// One line without its end: {"type":"stats","id":ID,"data":{...}}.
[[nodiscard]] std::string stats_event_json(std::string_view id, const Stats& stats);
// {"type":"oom","id":ID}.
[[nodiscard]] std::string oom_event_json(std::string_view id);

}  // namespace nucleus::oci
