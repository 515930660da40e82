#include <charconv>

#include "runtime/launch/cgroup_text.hpp"
#include "runtime/launch/stats.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kTickNanoseconds = 1'000'000'000 / 100;  // USER_HZ is 100 on x86

std::vector<std::uint64_t> numbers(std::string_view text) {
  std::vector<std::uint64_t> out;
  for (const auto word : split_words(text)) {
    out.push_back(to_number(word));
  }
  return out;
}

// "cpu user system", then a line for each processor.
void read_usage_all(std::string_view text, oci::CpuStats& out) {
  for (const auto line : split_lines(text)) {
    const auto words = split_words(line);
    if (words.size() == 3 && words[0] != "cpu") {
      out.per_cpu_user.push_back(to_number(words[1]));
      out.per_cpu_kernel.push_back(to_number(words[2]));
    }
  }
}

oci::CpuStats read_cpu(const CgroupReader& read) {
  oci::CpuStats out;
  out.total = to_number(read("cpuacct", "cpuacct.usage").value_or(""));
  out.per_cpu = numbers(read("cpuacct", "cpuacct.usage_percpu").value_or(""));
  read_usage_all(read("cpuacct", "cpuacct.usage_all").value_or(""), out);
  const auto ticks = parse_pairs(read("cpuacct", "cpuacct.stat").value_or(""));
  out.kernel = value_of(ticks, "system") * kTickNanoseconds;
  out.user = value_of(ticks, "user") * kTickNanoseconds;
  const auto throttling = parse_pairs(read("cpu", "cpu.stat").value_or(""));
  out.periods = value_of(throttling, "nr_periods");
  out.throttled_periods = value_of(throttling, "nr_throttled");
  out.throttled_time = value_of(throttling, "throttled_time");
  return out;
}

oci::CpusetStats read_cpuset(const CgroupReader& read) {
  oci::CpusetStats out;
  out.cpus = parse_cpu_list(read("cpuset", "cpuset.cpus").value_or(""));
  out.mems = parse_cpu_list(read("cpuset", "cpuset.mems").value_or(""));
  for (const char* name : {"cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page",
                           "memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level"}) {
    const std::string text = read("cpuset", std::string("cpuset.") + name).value_or("");
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    out.flags[name] = value;
  }
  return out;
}

// `name` is "memory", "memory.memsw", "memory.kmem" or "memory.kmem.tcp".
oci::UsageStats read_usage(const CgroupReader& read, const std::string& name) {
  const auto number = [&](const char* file) { return to_number(read("memory", name + file).value_or("")); };
  return {number(".limit_in_bytes"), number(".usage_in_bytes"), number(".max_usage_in_bytes"), number(".failcnt")};
}

oci::MemoryStats read_memory(const CgroupReader& read) {
  oci::MemoryStats out;
  out.raw = parse_pairs(read("memory", "memory.stat").value_or(""));
  out.cache = value_of(out.raw, "cache");
  out.usage = read_usage(read, "memory");
  out.swap = read_usage(read, "memory.memsw");
  out.kernel = read_usage(read, "memory.kmem");
  out.kernel_tcp = read_usage(read, "memory.kmem.tcp");
  return out;
}

// "8:0 Read 4096", or "8:0 4096" for files that do not split by operation.
std::vector<oci::BlockIoEntry> parse_block_io(std::string_view text) {
  std::vector<oci::BlockIoEntry> out;
  for (const auto line : split_lines(text)) {
    const auto words = split_words(line);
    const std::size_t colon = words.empty() ? std::string_view::npos : words.front().find(':');
    if (colon == std::string_view::npos || words.size() < 2) {
      continue;  // "Total 4096"
    }
    out.push_back({to_number(words[0]), to_number(words[0].substr(colon + 1)),
                   words.size() > 2 ? std::string(words[1]) : std::string(), to_number(words.back())});
  }
  return out;
}

void read_block_io(const CgroupReader& read, oci::Stats& out) {
  // The scheduler in use fills its own files; throttling always counts.
  constexpr const char* kServed[] = {"blkio.bfq.", "blkio.", "blkio.throttle."};
  const auto fill = [&](const std::string& member, const std::string& file) {
    for (const char* prefix : kServed) {
      auto entries = parse_block_io(read("blkio", prefix + file).value_or(""));
      if (!entries.empty()) {
        out.block_io[member] = std::move(entries);
        return;
      }
    }
  };
  fill("ioServiceBytesRecursive", "io_service_bytes_recursive");
  fill("ioServicedRecursive", "io_serviced_recursive");
  fill("ioQueueRecursive", "io_queued_recursive");
  fill("ioServiceTimeRecursive", "io_service_time_recursive");
  fill("ioWaitTimeRecursive", "io_wait_time_recursive");
  fill("ioMergedRecursive", "io_merged_recursive");
  fill("ioTimeRecursive", "time_recursive");
  fill("sectorsRecursive", "sectors_recursive");
}

}  // namespace

oci::Stats stats_v1(const CgroupReader& read, const std::vector<std::string>& huge_pages) {
  oci::Stats out;
  out.cpu = read_cpu(read);
  out.cpuset = read_cpuset(read);
  out.memory = read_memory(read);
  out.pids.current = to_number(read("pids", "pids.current").value_or(""));
  const std::string limit = read("pids", "pids.max").value_or("");
  out.pids.limit = limit.starts_with("max") ? 0 : to_number(limit);
  read_block_io(read, out);
  for (const auto& size : huge_pages) {
    const auto number = [&](const char* file) { return read("hugetlb", "hugetlb." + size + file); };
    if (const auto usage = number(".usage_in_bytes")) {
      out.hugetlb[size] = {0, to_number(*usage), to_number(number(".max_usage_in_bytes").value_or("")),
                           to_number(number(".failcnt").value_or(""))};
    }
  }
  return out;
}

}  // namespace nucleus::launch
