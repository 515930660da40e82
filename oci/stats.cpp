#include "oci/stats.hpp"

#include <array>

#include "oci/json.hpp"

namespace nucleus::oci {
namespace {

using Ordered = nlohmann::ordered_json;

// The order in which runc prints the files of v1.
constexpr std::array<std::string_view, 9> kCpusetFlags = {
    "cpu_exclusive",      "mem_hardwall",    "mem_exclusive",      "memory_migrate",          "memory_spread_page",
    "memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level"};

void put(Ordered& out, const char* name, std::uint64_t value) {
  if (value != 0) {
    out[name] = value;
  }
}

void put(Ordered& out, const char* name, const std::vector<std::uint64_t>& values) {
  if (!values.empty()) {
    out[name] = values;
  }
}

Ordered cpu_json(const CpuStats& cpu) {
  Ordered usage = Ordered::object();
  put(usage, "total", cpu.total);
  put(usage, "percpu", cpu.per_cpu);
  put(usage, "percpu_kernel", cpu.per_cpu_kernel);
  put(usage, "percpu_user", cpu.per_cpu_user);
  usage["kernel"] = cpu.kernel;
  usage["user"] = cpu.user;
  Ordered throttling = Ordered::object();
  put(throttling, "periods", cpu.periods);
  put(throttling, "throttledPeriods", cpu.throttled_periods);
  put(throttling, "throttledTime", cpu.throttled_time);
  return {{"usage", std::move(usage)}, {"throttling", std::move(throttling)}};
}

std::int64_t flag(const CpusetStats& cpuset, std::string_view name) {
  const auto hit = cpuset.flags.find(name);
  return hit == cpuset.flags.end() ? 0 : hit->second;
}

Ordered cpuset_json(const CpusetStats& cpuset) {
  Ordered out = Ordered::object();
  put(out, "cpus", cpuset.cpus);
  out["cpu_exclusive"] = flag(cpuset, kCpusetFlags.front());
  put(out, "mems", cpuset.mems);
  for (const std::string_view name : kCpusetFlags) {
    out[std::string(name)] = flag(cpuset, name);
  }
  return out;
}

Ordered usage_json(const UsageStats& usage) {
  Ordered out;
  out["limit"] = usage.limit;
  put(out, "usage", usage.usage);
  put(out, "max", usage.max);
  out["failcnt"] = usage.failures;
  return out;
}

Ordered memory_json(const MemoryStats& memory) {
  Ordered out = Ordered::object();
  put(out, "cache", memory.cache);
  out["usage"] = usage_json(memory.usage);
  out["swap"] = usage_json(memory.swap);
  out["kernel"] = usage_json(memory.kernel);
  out["kernelTCP"] = usage_json(memory.kernel_tcp);
  if (!memory.raw.empty()) {
    out["raw"] = memory.raw;
  }
  return out;
}

Ordered block_io_json(const Stats& stats) {
  Ordered out = Ordered::object();
  for (const auto& [name, entries] : stats.block_io) {
    Ordered list = Ordered::array();
    for (const BlockIoEntry& entry : entries) {
      Ordered item = Ordered::object();
      put(item, "major", entry.major);
      put(item, "minor", entry.minor);
      item["op"] = entry.operation;
      put(item, "value", entry.value);
      list.push_back(std::move(item));
    }
    if (!list.empty()) {
      out[name] = std::move(list);
    }
  }
  return out;
}

Ordered hugetlb_json(const Stats& stats) {
  Ordered out = Ordered::object();
  for (const auto& [size, usage] : stats.hugetlb) {
    Ordered item = Ordered::object();
    put(item, "usage", usage.usage);
    put(item, "max", usage.max);
    item["failcnt"] = usage.failures;
    out[size] = std::move(item);
  }
  return out;
}

Ordered pids_json(const PidsStats& pids) {
  Ordered out = Ordered::object();
  put(out, "current", pids.current);
  put(out, "limit", pids.limit);
  return out;
}

}  // namespace

std::string stats_event_json(std::string_view id, const Stats& stats) {
  Ordered data;
  data["cpu"] = cpu_json(stats.cpu);
  data["cpuset"] = cpuset_json(stats.cpuset);
  data["memory"] = memory_json(stats.memory);
  data["pids"] = pids_json(stats.pids);
  data["blkio"] = block_io_json(stats);
  data["hugetlb"] = hugetlb_json(stats);
  data["intel_rdt"] = Ordered::object();
  data["network_interfaces"] = nullptr;  // as runc, which knows only interfaces that it made itself
  return dump(Ordered{{"type", "stats"}, {"id", id}, {"data", std::move(data)}});
}

std::string oom_event_json(std::string_view id) { return dump(Ordered{{"type", "oom"}, {"id", id}}); }

std::string egress_event_json(std::string_view id, const EgressEvent& event) {
  Ordered denied = Ordered::array();
  for (const auto& [address, protocol, port] : event.denied) {
    denied.push_back(Ordered{{"address", address}, {"protocol", protocol}, {"port", port}});
  }
  Ordered data{{"packets", event.packets}, {"bytes", event.bytes}, {"denied", std::move(denied)}};
  return dump(Ordered{{"type", "egress"}, {"id", id}, {"data", std::move(data)}});
}

std::string seccomp_event_json(std::string_view id, const SeccompEvent& event) {
  Ordered data{{"syscall", event.syscall}, {"verdict", event.verdict}, {"count", event.count},
               {"errno", event.sys_errno}, {"process", event.process}, {"hint", event.hint}};
  return dump(Ordered{{"type", "seccomp"}, {"id", id}, {"data", std::move(data)}});
}

}  // namespace nucleus::oci
