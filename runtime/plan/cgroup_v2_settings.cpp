#include <algorithm>

#include "runtime/plan/cgroup_settings.hpp"

namespace nucleus::plan {
namespace {

using Settings = std::vector<CgroupSetting>;

std::string limit_text(std::int64_t value) { return value < 0 ? "max" : std::to_string(value); }

// Engines write 0 for "not set". The spec's swap is memory plus swap (a v1 notion); v2 limits swap alone.
void memory(Settings& out, const oci::MemoryLimits& limits) {
  const std::int64_t limit = limits.limit.value_or(0);
  const std::int64_t both = limits.swap.value_or(0);
  if (limit != 0) {
    out.push_back({"memory", "memory.max", limit_text(limit)});
  }
  if (both != 0 || limit < 0) {  // "no limit of memory" means none of swap either
    const std::int64_t swap = both > 0 && limit > 0 ? std::max<std::int64_t>(both - limit, 0) : (both != 0 ? both : -1);
    // A kernel without swap has no such file, and uses none.
    out.push_back({"memory", "memory.swap.max", limit_text(swap), swap <= 0});
  }
  if (limits.reservation.value_or(0) != 0) {
    out.push_back({"memory", "memory.low", limit_text(*limits.reservation)});
  }
}

void cpu(Settings& out, const oci::CpuLimits& limits) {
  if (limits.shares && *limits.shares != 0) {
    out.push_back({"cpu", "cpu.weight", std::to_string(weight_from_shares(*limits.shares))});
  }
  if (limits.quota.value_or(0) != 0 || limits.period.value_or(0) != 0) {
    const std::string quota = limits.quota.value_or(0) > 0 ? std::to_string(*limits.quota) : "max";
    const std::string period = limits.period.value_or(0) != 0 ? " " + std::to_string(*limits.period) : "";
    out.push_back({"cpu", "cpu.max", quota + period});
  }
  if (limits.burst) {
    out.push_back({"cpu", "cpu.max.burst", std::to_string(*limits.burst)});
  }
  if (limits.idle) {
    out.push_back({"cpu", "cpu.idle", std::to_string(*limits.idle)});
  }
  if (!limits.cpus.empty()) {
    out.push_back({"cpuset", "cpuset.cpus", limits.cpus});
  }
  if (!limits.mems.empty()) {
    out.push_back({"cpuset", "cpuset.mems", limits.mems});
  }
}

// blkio.weight 10..1000 -> io.weight 1..10000.
std::uint64_t io_weight(std::uint64_t weight) { return 1 + (weight - 10) * 9999 / 990; }

void throttle(Settings& out, const char* key, const std::vector<oci::ThrottleDevice>& devices) {
  for (const auto& device : devices) {
    out.push_back({"io", "io.max",
                   std::to_string(device.major) + ":" + std::to_string(device.minor) + " " + key + "=" +
                       (device.rate == 0 ? "max" : std::to_string(device.rate))});
  }
}

void block_io(Settings& out, const oci::BlockIoLimits& limits) {
  if (limits.weight && *limits.weight >= 10) {
    out.push_back({"io", "io.bfq.weight", std::to_string(*limits.weight), true});  // where that scheduler is loaded
    out.push_back({"io", "io.weight", "default " + std::to_string(io_weight(*limits.weight))});
  }
  for (const auto& device : limits.weight_device) {
    if (device.weight && *device.weight >= 10) {
      out.push_back({"io", "io.weight",
                     std::to_string(device.major) + ":" + std::to_string(device.minor) + " " +
                         std::to_string(io_weight(*device.weight))});
    }
  }
  throttle(out, "rbps", limits.throttle_read_bps_device);
  throttle(out, "wbps", limits.throttle_write_bps_device);
  throttle(out, "riops", limits.throttle_read_iops_device);
  throttle(out, "wiops", limits.throttle_write_iops_device);
}

}  // namespace

std::uint64_t weight_from_shares(std::uint64_t shares) {
  if (shares == 0) {
    return 0;
  }
  const std::uint64_t clamped = shares < 2 ? 2 : (shares > 262144 ? 262144 : shares);
  return 1 + (clamped - 2) * 9999 / 262142;
}

std::vector<CgroupSetting> v2_settings(const oci::Resources& resources) {
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
    out.push_back({"hugetlb", "hugetlb." + page.page_size + ".max", std::to_string(page.limit)});
    out.push_back({"hugetlb", "hugetlb." + page.page_size + ".rsvd.max", std::to_string(page.limit), true});
  }
  add_rdma(out, resources);
  add_unified(out, resources);
  return out;
}

}  // namespace nucleus::plan
