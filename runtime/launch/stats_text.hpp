// The texts of cgroup files as numbers. Pure; a text that is missing or odd gives zeros, never an error: statistics are
// for people and dashboards, and every kernel leaves some of them out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oci/stats.hpp"

namespace nucleus::launch {

// "name 123" lines.
[[nodiscard]] std::map<std::string, std::uint64_t> parse_flat(std::string_view text);
// One number; "max" is UINT64_MAX.
[[nodiscard]] std::uint64_t parse_single(std::string_view text);
// "1 2 3".
[[nodiscard]] std::vector<std::uint64_t> parse_numbers(std::string_view text);

// v1, blkio.throttle.*: "8:0 Read 4096" lines (the "Total 4096" at the end is of no device).
[[nodiscard]] std::vector<oci::BlockIoEntry> parse_blkio(std::string_view text);

// v2, io.stat: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6" lines.
struct IoStat {
  std::vector<oci::BlockIoEntry> bytes;
  std::vector<oci::BlockIoEntry> operations;
};
[[nodiscard]] IoStat parse_io_stat(std::string_view text);

// v1, cpuacct.usage_all: "cpu user system", then one line a processor, in nanoseconds.
void parse_usage_all(std::string_view text, oci::CpuUsage& out);

}  // namespace nucleus::launch
