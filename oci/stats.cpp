#include "oci/stats.hpp"

#include "oci/json.hpp"

namespace nucleus::oci {
namespace {

using Ordered = nlohmann::ordered_json;

Ordered event(std::string_view type, std::string_view id) { return {{"type", type}, {"id", id}}; }

Ordered json_of(const MemoryUsage& usage) {
  return {{"limit", usage.limit}, {"usage", usage.usage}, {"max", usage.max}, {"failcnt", usage.failures}};
}

Ordered cpu_json(const Stats& stats) {
  const CpuUsage& cpu = stats.cpu;
  Ordered usage = {{"total", cpu.total}, {"kernel", cpu.kernel}, {"user", cpu.user}};
  if (!cpu.per_cpu.empty()) {
    usage["percpu"] = cpu.per_cpu;
  }
  if (!cpu.per_cpu_kernel.empty()) {
    usage["percpu_kernel"] = cpu.per_cpu_kernel;
    usage["percpu_user"] = cpu.per_cpu_user;
  }
  return {{"usage", usage},
          {"throttling",
           {{"periods", stats.throttling.periods},
            {"throttledPeriods", stats.throttling.throttled_periods},
            {"throttledTime", stats.throttling.throttled_time}}}};
}

Ordered memory_json(const Stats& stats) {
  return {{"cache", stats.cache},
          {"usage", json_of(stats.memory)},
          {"swap", json_of(stats.swap)},
          {"kernel", json_of(stats.kernel)},
          {"kernelTCP", json_of(stats.kernel_tcp)},
          {"raw", stats.memory_raw}};
}

Ordered json_of(const std::vector<BlockIoEntry>& entries) {
  Ordered out = Ordered::array();
  for (const auto& entry : entries) {
    out.push_back({{"major", entry.major}, {"minor", entry.minor}, {"op", entry.operation}, {"value", entry.value}});
  }
  return out;
}

Ordered pids_json(const Stats& stats) {
  Ordered out = {{"current", stats.pids}};
  if (stats.pids_limit != 0) {
    out["limit"] = stats.pids_limit;
  }
  return out;
}

Ordered hugetlb_json(const Stats& stats) {
  Ordered out = Ordered::object();
  for (const auto& [size, usage] : stats.hugetlb) {
    out[size] = {{"usage", usage.usage}, {"max", usage.max}, {"failcnt", usage.failures}};
  }
  return out;
}

}  // namespace

std::string stats_event_json(std::string_view id, const Stats& stats) {
  Ordered out = event("stats", id);
  out["data"] = {
      {"cpu", cpu_json(stats)},
      {"memory", memory_json(stats)},
      {"pids", pids_json(stats)},
      {"blkio",
       {{"ioServiceBytesRecursive", json_of(stats.io_bytes)}, {"ioServicedRecursive", json_of(stats.io_operations)}}},
      {"hugetlb", hugetlb_json(stats)},
      {"network_interfaces", nullptr}};
  return dump(out);
}

std::string oom_event_json(std::string_view id) { return dump(event("oom", id)); }

}  // namespace nucleus::oci
