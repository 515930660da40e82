#include "runtime/launch/stats.hpp"

#include <dirent.h>
#include <unistd.h>

#include <memory>

#include "runtime/launch/stats_text.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kNanosecondsPerMicrosecond = 1000;

class Reader {
 public:
  explicit Reader(const sys::CgroupHandle& cgroup) : cgroup_(cgroup) {}

  [[nodiscard]] std::string text(const char* controller, const std::string& file) const {
    return cgroup_.read(controller, file).value_or(std::string());
  }
  [[nodiscard]] std::uint64_t single(const char* controller, const std::string& file) const {
    return parse_single(text(controller, file));
  }
  [[nodiscard]] std::map<std::string, std::uint64_t> flat(const char* controller, const std::string& file) const {
    return parse_flat(text(controller, file));
  }

 private:
  const sys::CgroupHandle& cgroup_;
};

std::uint64_t value(const std::map<std::string, std::uint64_t>& flat, const char* name) {
  const auto found = flat.find(name);
  return found == flat.end() ? 0 : found->second;
}

// memory.limit_in_bytes, memory.memsw.limit_in_bytes, ...
oci::MemoryUsage memory_v1(const Reader& reader, const std::string& prefix) {
  return {reader.single("memory", prefix + "limit_in_bytes"), reader.single("memory", prefix + "usage_in_bytes"),
          reader.single("memory", prefix + "max_usage_in_bytes"), reader.single("memory", prefix + "failcnt")};
}

// The pseudo-limit PAGE_COUNTER_MAX that v1 shows for "none" is left as it is, as runc does.
void read_v1(const Reader& reader, oci::Stats& out) {
  out.cpu.total = reader.single("cpuacct", "cpuacct.usage");
  out.cpu.per_cpu = parse_numbers(reader.text("cpuacct", "cpuacct.usage_percpu"));
  parse_usage_all(reader.text("cpuacct", "cpuacct.usage_all"), out.cpu);
  const auto ticks = reader.flat("cpuacct", "cpuacct.stat");
  const auto tick = std::uint64_t{1'000'000'000} / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  out.cpu.user = value(ticks, "user") * tick;
  out.cpu.kernel = value(ticks, "system") * tick;
  const auto throttling = reader.flat("cpu", "cpu.stat");
  out.throttling = {value(throttling, "nr_periods"), value(throttling, "nr_throttled"),
                    value(throttling, "throttled_time")};
  out.memory_raw = reader.flat("memory", "memory.stat");
  out.cache = value(out.memory_raw, "cache");
  out.memory = memory_v1(reader, "memory.");
  out.swap = memory_v1(reader, "memory.memsw.");
  out.kernel = memory_v1(reader, "memory.kmem.");
  out.kernel_tcp = memory_v1(reader, "memory.kmem.tcp.");
  out.io_bytes = parse_blkio(reader.text("blkio", "blkio.throttle.io_service_bytes_recursive"));
  out.io_operations = parse_blkio(reader.text("blkio", "blkio.throttle.io_serviced_recursive"));
}

void read_v2(const Reader& reader, oci::Stats& out) {
  const auto cpu = reader.flat("cpu", "cpu.stat");
  out.cpu.total = value(cpu, "usage_usec") * kNanosecondsPerMicrosecond;
  out.cpu.user = value(cpu, "user_usec") * kNanosecondsPerMicrosecond;
  out.cpu.kernel = value(cpu, "system_usec") * kNanosecondsPerMicrosecond;
  out.throttling = {value(cpu, "nr_periods"), value(cpu, "nr_throttled"),
                    value(cpu, "throttled_usec") * kNanosecondsPerMicrosecond};
  out.memory_raw = reader.flat("memory", "memory.stat");
  out.cache = value(out.memory_raw, "file");
  const auto events = reader.flat("memory", "memory.events");
  out.memory = {reader.single("memory", "memory.max"), reader.single("memory", "memory.current"),
                reader.single("memory", "memory.peak"), value(events, "max")};
  const auto swap = reader.flat("memory", "memory.swap.events");
  out.swap = {reader.single("memory", "memory.swap.max"), reader.single("memory", "memory.swap.current"),
              reader.single("memory", "memory.swap.peak"), value(swap, "max")};
  auto io = parse_io_stat(reader.text("io", "io.stat"));
  out.io_bytes = std::move(io.bytes);
  out.io_operations = std::move(io.operations);
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// The kernel's page sizes: /sys/kernel/mm/hugepages/hugepages-2048kB.
std::vector<std::string> page_sizes() {
  std::vector<std::string> out;
  const std::unique_ptr<DIR, CloseDir> dir(::opendir("/sys/kernel/mm/hugepages"));
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    constexpr std::string_view kPrefix = "hugepages-";
    const std::string_view name = entry->d_name;
    if (!name.starts_with(kPrefix) || !name.ends_with("kB")) {
      continue;
    }
    std::uint64_t size = parse_single(std::string(name.substr(kPrefix.size(), name.size() - kPrefix.size() - 2)));
    const char* unit = "KB";
    for (const char* next : {"MB", "GB"}) {
      if (size >= 1024) {
        size /= 1024;
        unit = next;
      }
    }
    out.push_back(std::to_string(size) + unit);
  }
  return out;
}

void read_hugetlb(const Reader& reader, bool v2, oci::Stats& out) {
  for (const auto& size : page_sizes()) {
    const std::string prefix = "hugetlb." + size + ".";
    if (v2) {
      out.hugetlb[size] = {0, reader.single("hugetlb", prefix + "current"), 0,
                           value(reader.flat("hugetlb", prefix + "events"), "max")};
    } else {
      out.hugetlb[size] = {0, reader.single("hugetlb", prefix + "usage_in_bytes"),
                           reader.single("hugetlb", prefix + "max_usage_in_bytes"),
                           reader.single("hugetlb", prefix + "failcnt")};
    }
  }
}

}  // namespace

oci::Stats read_stats(const sys::CgroupHandle& cgroup) {
  const Reader reader(cgroup);
  oci::Stats out;
  if (cgroup.is_v2()) {
    read_v2(reader, out);
  } else {
    read_v1(reader, out);
  }
  read_hugetlb(reader, cgroup.is_v2(), out);
  out.pids = reader.single("pids", "pids.current");
  const std::uint64_t limit = reader.single("pids", "pids.max");
  out.pids_limit = limit == UINT64_MAX ? 0 : limit;
  return out;
}

}  // namespace nucleus::launch
