// What `events --stats` prints about a container: runc's shape, which metrics collectors read. Values runc leaves out
// when they are zero are left out here too.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nucleus::oci {

// Times are nanoseconds, sizes bytes.
struct CpuStats {
  std::uint64_t total = 0;
  std::vector<std::uint64_t> per_cpu;
  std::vector<std::uint64_t> per_cpu_kernel;
  std::vector<std::uint64_t> per_cpu_user;
  std::uint64_t kernel = 0;
  std::uint64_t user = 0;
  std::uint64_t periods = 0;
  std::uint64_t throttled_periods = 0;
  std::uint64_t throttled_time = 0;
};

struct CpusetStats {
  std::vector<std::uint64_t> cpus;
  std::vector<std::uint64_t> mems;
  std::map<std::string, std::int64_t, std::less<>> flags;  // file without "cpuset." -> content; those of v1
};

struct UsageStats {
  std::uint64_t limit = 0;
  std::uint64_t usage = 0;
  std::uint64_t max = 0;
  std::uint64_t failures = 0;
};

struct MemoryStats {
  std::uint64_t cache = 0;
  UsageStats usage;
  UsageStats swap;  // memory and swap together, on v2 as well
  UsageStats kernel;
  UsageStats kernel_tcp;
  std::map<std::string, std::uint64_t, std::less<>> raw;  // memory.stat
};

struct PidsStats {
  std::uint64_t current = 0;
  std::uint64_t limit = 0;  // 0: none
};

struct BlockIoEntry {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::string operation;  // "Read", "Write", "Total" ...
  std::uint64_t value = 0;
};

struct Stats {
  CpuStats cpu;
  CpusetStats cpuset;
  MemoryStats memory;
  PidsStats pids;
  // "ioServiceBytesRecursive", "ioServicedRecursive" ... -> entries
  std::map<std::string, std::vector<BlockIoEntry>, std::less<>> block_io;
  std::map<std::string, UsageStats, std::less<>> hugetlb;  // "2MB" -> ...
};

// One line without its end: {"type":"stats","id":ID,"data":{...}}
[[nodiscard]] std::string stats_event_json(std::string_view id, const Stats& stats);
// {"type":"oom","id":ID}
[[nodiscard]] std::string oom_event_json(std::string_view id);

// Ours, not runc's: what the egress rules denied since the container started, and where it wanted to go last.
struct EgressEvent {
  struct Destination {
    std::string address;
    std::uint8_t protocol = 0;
    std::uint16_t port = 0;
  };
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::vector<Destination> denied;
};
// {"type":"egress","id":ID,"data":{"packets":N,"bytes":N,"denied":[{"address":..,"protocol":N,"port":N}]}}
[[nodiscard]] std::string egress_event_json(std::string_view id, const EgressEvent& event);

// Ours as well: a system call that the policy denies, at its first sighting and whenever there are more.
struct SeccompEvent {
  std::string syscall;
  std::string verdict;  // "denied" or "learned"
  std::uint64_t count = 0;
  std::uint16_t sys_errno = 0;
  std::string process;  // the name of the one that made it last; it chooses its name itself
  std::string hint;     // the entry of seccomp.json that would allow it
};
// {"type":"seccomp","id":ID,"data":{"syscall":..,"verdict":..,"count":N,"errno":N,"process":..,"hint":..}}
[[nodiscard]] std::string seccomp_event_json(std::string_view id, const SeccompEvent& event);

}  // namespace nucleus::oci
