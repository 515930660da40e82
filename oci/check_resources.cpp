// config-linux.md "Control groups". Engines write 0 and -1 for "not set" and "unlimited": both pass.
#include <array>

#include "oci/checks.hpp"

namespace nucleus::oci::checks {
namespace {

constexpr std::array<std::string_view, 4> kDeviceTypes = {"", "a", "c", "b"};

Status at_least_unlimited(std::string_view path, const std::optional<std::int64_t>& value) {
  return value.value_or(0) < -1 ? Status(invalid(path, "must be at least -1")) : Status{};
}

Status weight(const std::string& path, const std::optional<std::uint16_t>& value) {
  const std::uint16_t given = value.value_or(0);
  return given != 0 && (given < 10 || given > 1000) ? Status(invalid(path, "must be in 10..1000")) : Status{};
}

Status device_number(const std::string& path, std::int64_t major, std::int64_t minor) {
  return major < 0 || minor < 0 ? Status(invalid(path, "major and minor must not be negative")) : Status{};
}

Status throttles(std::string_view path, std::span<const ThrottleDevice> list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    TRY(device_number(element(path, i), list[i].major, list[i].minor));
  }
  return {};
}

// "2MB", "1GB": becomes part of a file name, hugetlb.2MB.limit_in_bytes.
bool is_page_size(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view unit = text.substr(digits);
  return digits > 0 && text.front() != '0' && (unit == "KB" || unit == "MB" || unit == "GB" || unit == "TB");
}

}  // namespace

Status resource_devices(const Resources& resources) {
  for (std::size_t i = 0; i < resources.devices.size(); ++i) {
    const DeviceRule& rule = resources.devices[i];
    const std::string path = element("linux.resources.devices", i);
    TRY(known_name(path + ".type", "device type", rule.type, kDeviceTypes));
    TRY(at_least_unlimited(path + ".major", rule.major));
    TRY(at_least_unlimited(path + ".minor", rule.minor));
    if (rule.access.find_first_not_of("rwm") != std::string::npos) {
      return invalid(path + ".access", "must consist of r, w and m, got " + quote(rule.access));
    }
  }
  return {};
}

Status resource_memory(const Resources& resources) {
  if (!resources.memory) {
    return {};
  }
  const MemoryLimits& memory = *resources.memory;
  TRY(at_least_unlimited("linux.resources.memory.limit", memory.limit));
  TRY(at_least_unlimited("linux.resources.memory.reservation", memory.reservation));
  TRY(at_least_unlimited("linux.resources.memory.swap", memory.swap));
  TRY(at_least_unlimited("linux.resources.memory.kernel", memory.kernel));
  TRY(at_least_unlimited("linux.resources.memory.kernelTCP", memory.kernel_tcp));
  if (memory.swappiness.value_or(0) > 100) {
    return invalid("linux.resources.memory.swappiness", "must be at most 100");
  }
  return {};
}

Status resource_cpu(const Resources& resources) {
  if (!resources.cpu) {
    return {};
  }
  const CpuLimits& cpu = *resources.cpu;
  TRY(at_least_unlimited("linux.resources.cpu.quota", cpu.quota));
  TRY(at_least_unlimited("linux.resources.cpu.realtimeRuntime", cpu.realtime_runtime));
  if (!is_number_list(cpu.cpus)) {
    return invalid("linux.resources.cpu.cpus", "not a CPU list: " + quote(cpu.cpus));
  }
  if (!is_number_list(cpu.mems)) {
    return invalid("linux.resources.cpu.mems", "not a node list: " + quote(cpu.mems));
  }
  if (cpu.idle.value_or(0) != 0 && *cpu.idle != 1) {
    return invalid("linux.resources.cpu.idle", "must be 0 or 1");
  }
  return {};
}

Status resource_pids(const Resources& resources) {
  return resources.pids ? at_least_unlimited("linux.resources.pids.limit", resources.pids->limit) : Status{};
}

Status resource_block_io(const Resources& resources) {
  if (!resources.block_io) {
    return {};
  }
  const BlockIoLimits& io = *resources.block_io;
  TRY(weight("linux.resources.blockIO.weight", io.weight));
  TRY(weight("linux.resources.blockIO.leafWeight", io.leaf_weight));
  for (std::size_t i = 0; i < io.weight_device.size(); ++i) {
    const WeightDevice& device = io.weight_device[i];
    const std::string path = element("linux.resources.blockIO.weightDevice", i);
    TRY(device_number(path, device.major, device.minor));
    TRY(weight(path + ".weight", device.weight));
    TRY(weight(path + ".leafWeight", device.leaf_weight));
  }
  TRY(throttles("linux.resources.blockIO.throttleReadBpsDevice", io.throttle_read_bps_device));
  TRY(throttles("linux.resources.blockIO.throttleWriteBpsDevice", io.throttle_write_bps_device));
  TRY(throttles("linux.resources.blockIO.throttleReadIOPSDevice", io.throttle_read_iops_device));
  return throttles("linux.resources.blockIO.throttleWriteIOPSDevice", io.throttle_write_iops_device);
}

Status resource_hugepages(const Resources& resources) {
  for (std::size_t i = 0; i < resources.hugepage_limits.size(); ++i) {
    const std::string& size = resources.hugepage_limits[i].page_size;
    if (!is_page_size(size)) {
      return invalid(element("linux.resources.hugepageLimits", i) + ".pageSize", "not a page size: " + quote(size));
    }
  }
  return {};
}

Status resource_network(const Resources& resources) {
  if (!resources.network) {
    return {};
  }
  const auto& priorities = resources.network->priorities;
  for (std::size_t i = 0; i < priorities.size(); ++i) {
    if (!is_interface_name(priorities[i].name)) {
      return invalid(element("linux.resources.network.priorities", i) + ".name",
                     "not an interface name: " + quote(priorities[i].name));
    }
  }
  return {};
}

// The key is written as the first word of a line to rdma.max.
Status resource_rdma(const Resources& resources) {
  for (const auto& [device, limits] : resources.rdma) {
    if (device.empty() || has_control(device) || device.find(' ') != std::string::npos) {
      return invalid(entry("linux.resources.rdma", device), "not a device name");
    }
  }
  return {};
}

// Keys are file names in the cgroup's directory: limits, not the files that move, kill or freeze processes (cgroup.procs
// would pull any process of the host into the container's cgroup) or that lay out the hierarchy.
Status resource_unified(const Resources& resources) {
  for (const auto& [file, value] : resources.unified) {
    const bool named = !file.empty() && file != "." && file != "..";
    if (!named || has_control(file) || file.find('/') != std::string::npos) {
      return invalid(entry("linux.resources.unified", file), "not a file name");
    }
    if (file.starts_with("cgroup.") && !file.starts_with("cgroup.max.") && file != "cgroup.pressure") {
      return invalid(entry("linux.resources.unified", file), "not a limit");
    }
  }
  return {};
}

}  // namespace nucleus::oci::checks
