#include "runtime/launch/cgroup_text.hpp"
#include "runtime/launch/stats.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kMicrosecond = 1000;  // in nanoseconds

oci::CpuStats read_cpu(const CgroupReader& read) {
  const auto stat = parse_pairs(read("cpu", "cpu.stat").value_or(""));
  oci::CpuStats out;
  out.total = value_of(stat, "usage_usec") * kMicrosecond;
  out.user = value_of(stat, "user_usec") * kMicrosecond;
  out.kernel = value_of(stat, "system_usec") * kMicrosecond;
  out.periods = value_of(stat, "nr_periods");
  out.throttled_periods = value_of(stat, "nr_throttled");
  out.throttled_time = value_of(stat, "throttled_usec") * kMicrosecond;
  return out;
}

// `name` is "memory" or "memory.swap".
oci::UsageStats read_usage(const CgroupReader& read, const std::string& name) {
  const auto number = [&](const char* file) { return to_number(read("memory", name + file).value_or("")); };
  const auto events = parse_pairs(read("memory", name + ".events").value_or(""));
  return {number(".max"), number(".current"), number(".peak"), value_of(events, "max")};
}

oci::MemoryStats read_memory(const CgroupReader& read) {
  oci::MemoryStats out;
  out.raw = parse_pairs(read("memory", "memory.stat").value_or(""));
  out.cache = value_of(out.raw, "file");
  out.usage = read_usage(read, "memory");
  out.swap = read_usage(read, "memory.swap");
  // Readers know v1, where this counts memory and swap together.
  out.swap.usage += out.usage.usage;
  const bool unlimited = out.swap.limit == UINT64_MAX || out.usage.limit == UINT64_MAX;
  out.swap.limit = unlimited ? UINT64_MAX : out.swap.limit + out.usage.limit;
  return out;
}

void add(oci::Stats& out, const char* member, std::string_view device, const char* operation, std::uint64_t value) {
  const std::size_t colon = device.find(':');
  out.block_io[member].push_back({to_number(device), to_number(device.substr(colon + 1)), operation, value});
}

// "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0"
void read_block_io(const CgroupReader& read, oci::Stats& out) {
  const std::string text = read("io", "io.stat").value_or("");
  for (const auto line : split_lines(text)) {
    const auto words = split_words(line);
    if (words.empty() || words.front().find(':') == std::string_view::npos) {
      continue;
    }
    for (const auto word : words) {
      const std::size_t equals = word.find('=');
      const std::string_view key = word.substr(0, equals);
      if (equals == std::string_view::npos || key.size() < 2 || (key[0] != 'r' && key[0] != 'w')) {
        continue;
      }
      const char* operation = key[0] == 'r' ? "Read" : "Write";
      if (key.substr(1) == "bytes") {
        add(out, "ioServiceBytesRecursive", words.front(), operation, to_number(word.substr(equals + 1)));
      } else if (key.substr(1) == "ios") {
        add(out, "ioServicedRecursive", words.front(), operation, to_number(word.substr(equals + 1)));
      }
    }
  }
}

}  // namespace

oci::Stats stats_v2(const CgroupReader& read, const std::vector<std::string>& huge_pages) {
  oci::Stats out;
  out.cpu = read_cpu(read);
  out.cpuset.cpus = parse_cpu_list(read("cpuset", "cpuset.cpus.effective").value_or(""));
  out.cpuset.mems = parse_cpu_list(read("cpuset", "cpuset.mems.effective").value_or(""));
  out.memory = read_memory(read);
  out.pids.current = to_number(read("pids", "pids.current").value_or(""));
  const std::string limit = read("pids", "pids.max").value_or("");
  out.pids.limit = limit.starts_with("max") ? 0 : to_number(limit);
  read_block_io(read, out);
  for (const auto& size : huge_pages) {
    if (const auto usage = read("hugetlb", "hugetlb." + size + ".current")) {
      const auto events = parse_pairs(read("hugetlb", "hugetlb." + size + ".events").value_or(""));
      out.hugetlb[size] = {0, to_number(*usage), 0, value_of(events, "max")};
    }
  }
  return out;
}

}  // namespace nucleus::launch
