#include "runtime/plan/cgroup_settings.hpp"

namespace nucleus::plan {
namespace {

using Settings = std::vector<CgroupSetting>;

template <class T>
void put(Settings& out, const char* controller, const char* file, const std::optional<T>& value) {
  if (value) {
    out.push_back({controller, file, std::to_string(*value)});
  }
}

// Where engines write 0 for "not set" (and the kernel would refuse 0, or take it for the smallest value).
template <class T>
void put_set(Settings& out, const char* controller, const char* file, const std::optional<T>& value) {
  if (value.value_or(0) != 0) {
    put(out, controller, file, value);
  }
}

void put_text(Settings& out, const char* controller, const char* file, const std::string& value) {
  if (!value.empty()) {
    out.push_back({controller, file, value});
  }
}

// memory+swap may never be below memory: an unlimited swap comes first, a raised one first, a lowered one last. At
// creation both are unlimited, so memory goes first.
void memory(Settings& out, const oci::MemoryLimits& limits) {
  put_set(out, "memory", "memory.limit_in_bytes", limits.limit);
  put_set(out, "memory", "memory.memsw.limit_in_bytes", limits.swap);
  put_set(out, "memory", "memory.soft_limit_in_bytes", limits.reservation);
  put_set(out, "memory", "memory.kmem.tcp.limit_in_bytes", limits.kernel_tcp);
  put(out, "memory", "memory.swappiness", limits.swappiness);
  if (limits.use_hierarchy.value_or(false)) {
    out.push_back({"memory", "memory.use_hierarchy", "1"});
  }
  if (limits.disable_oom_killer.value_or(false)) {
    out.push_back({"memory", "memory.oom_control", "1"});
  }
}

void cpu(Settings& out, const oci::CpuLimits& limits) {
  put_set(out, "cpu", "cpu.shares", limits.shares);
  put_set(out, "cpu", "cpu.cfs_period_us", limits.period);  // before the quota that it bounds
  put_set(out, "cpu", "cpu.cfs_quota_us", limits.quota);
  put(out, "cpu", "cpu.cfs_burst_us", limits.burst);
  put_set(out, "cpu", "cpu.rt_period_us", limits.realtime_period);
  put_set(out, "cpu", "cpu.rt_runtime_us", limits.realtime_runtime);
  put(out, "cpu", "cpu.idle", limits.idle);
  put_text(out, "cpuset", "cpuset.cpus", limits.cpus);
  put_text(out, "cpuset", "cpuset.mems", limits.mems);
}

std::string device_number(std::int64_t major, std::int64_t minor) {
  return std::to_string(major) + ":" + std::to_string(minor) + " ";
}

void throttle(Settings& out, const char* file, const std::vector<oci::ThrottleDevice>& devices) {
  for (const auto& device : devices) {
    out.push_back({"blkio", file, device_number(device.major, device.minor) + std::to_string(device.rate)});
  }
}

void block_io(Settings& out, const oci::BlockIoLimits& limits) {
  put_set(out, "blkio", "blkio.weight", limits.weight);
  put_set(out, "blkio", "blkio.leaf_weight", limits.leaf_weight);
  for (const auto& device : limits.weight_device) {
    const std::string number = device_number(device.major, device.minor);
    if (device.weight) {
      out.push_back({"blkio", "blkio.weight_device", number + std::to_string(*device.weight)});
    }
    if (device.leaf_weight) {
      out.push_back({"blkio", "blkio.leaf_weight_device", number + std::to_string(*device.leaf_weight)});
    }
  }
  throttle(out, "blkio.throttle.read_bps_device", limits.throttle_read_bps_device);
  throttle(out, "blkio.throttle.write_bps_device", limits.throttle_write_bps_device);
  throttle(out, "blkio.throttle.read_iops_device", limits.throttle_read_iops_device);
  throttle(out, "blkio.throttle.write_iops_device", limits.throttle_write_iops_device);
}

void network(Settings& out, const oci::NetworkLimits& limits) {
  put(out, "net_cls", "net_cls.classid", limits.class_id);
  for (const auto& interface : limits.priorities) {
    out.push_back({"net_prio", "net_prio.ifpriomap", interface.name + " " + std::to_string(interface.priority)});
  }
}

}  // namespace

std::vector<CgroupSetting> v1_settings(const oci::Resources& resources) {
  Settings out;
  if (resources.memory) {
    memory(out, *resources.memory);
  }
  if (resources.cpu) {
    cpu(out, *resources.cpu);
  }
  add_pids(out, resources);
  if (resources.block_io) {
    block_io(out, *resources.block_io);
  }
  for (const auto& page : resources.hugepage_limits) {
    out.push_back({"hugetlb", "hugetlb." + page.page_size + ".limit_in_bytes", std::to_string(page.limit)});
    out.push_back({"hugetlb", "hugetlb." + page.page_size + ".rsvd.limit_in_bytes", std::to_string(page.limit), true});
  }
  if (resources.network) {
    network(out, *resources.network);
  }
  add_rdma(out, resources);
  add_unified(out, resources);  // files of v2: each is reported as missing, none is dropped in silence
  return out;
}

}  // namespace nucleus::plan
