// config-linux.md "resources": JSON names of the structs in spec_linux.hpp.
#pragma once

#include "oci/fields.hpp"
#include "oci/spec_linux.hpp"

namespace nucleus::oci {

// One member a line, in the order of the specification.
// clang-format off
template <>
struct Fields<DeviceRule> {
  static constexpr std::tuple list{
      req("allow", &DeviceRule::allow),
      opt("type", &DeviceRule::type),
      opt("major", &DeviceRule::major),
      opt("minor", &DeviceRule::minor),
      opt("access", &DeviceRule::access)};
};

template <>
struct Fields<MemoryLimits> {
  static constexpr std::tuple list{
      opt("limit", &MemoryLimits::limit),
      opt("reservation", &MemoryLimits::reservation),
      opt("swap", &MemoryLimits::swap),
      opt("kernel", &MemoryLimits::kernel),
      opt("kernelTCP", &MemoryLimits::kernel_tcp),
      opt("swappiness", &MemoryLimits::swappiness),
      opt("disableOOMKiller", &MemoryLimits::disable_oom_killer),
      opt("useHierarchy", &MemoryLimits::use_hierarchy),
      opt("checkBeforeUpdate", &MemoryLimits::check_before_update)};
};

template <>
struct Fields<CpuLimits> {
  static constexpr std::tuple list{
      opt("shares", &CpuLimits::shares),
      opt("quota", &CpuLimits::quota),
      opt("burst", &CpuLimits::burst),
      opt("period", &CpuLimits::period),
      opt("realtimeRuntime", &CpuLimits::realtime_runtime),
      opt("realtimePeriod", &CpuLimits::realtime_period),
      opt("cpus", &CpuLimits::cpus),
      opt("mems", &CpuLimits::mems),
      opt("idle", &CpuLimits::idle)};
};

template <>
struct Fields<PidsLimits> {
  static constexpr std::tuple list{
      opt("limit", &PidsLimits::limit)};
};

template <>
struct Fields<WeightDevice> {
  static constexpr std::tuple list{
      req("major", &WeightDevice::major),
      req("minor", &WeightDevice::minor),
      opt("weight", &WeightDevice::weight),
      opt("leafWeight", &WeightDevice::leaf_weight)};
};

template <>
struct Fields<ThrottleDevice> {
  static constexpr std::tuple list{
      req("major", &ThrottleDevice::major),
      req("minor", &ThrottleDevice::minor),
      req("rate", &ThrottleDevice::rate)};
};

template <>
struct Fields<BlockIoLimits> {
  static constexpr std::tuple list{
      opt("weight", &BlockIoLimits::weight),
      opt("leafWeight", &BlockIoLimits::leaf_weight),
      opt("weightDevice", &BlockIoLimits::weight_device),
      opt("throttleReadBpsDevice", &BlockIoLimits::throttle_read_bps_device),
      opt("throttleWriteBpsDevice", &BlockIoLimits::throttle_write_bps_device),
      opt("throttleReadIOPSDevice", &BlockIoLimits::throttle_read_iops_device),
      opt("throttleWriteIOPSDevice", &BlockIoLimits::throttle_write_iops_device)};
};

template <>
struct Fields<HugepageLimit> {
  static constexpr std::tuple list{
      req("pageSize", &HugepageLimit::page_size),
      req("limit", &HugepageLimit::limit)};
};

template <>
struct Fields<InterfacePriority> {
  static constexpr std::tuple list{
      req("name", &InterfacePriority::name),
      req("priority", &InterfacePriority::priority)};
};

template <>
struct Fields<NetworkLimits> {
  static constexpr std::tuple list{
      opt("classID", &NetworkLimits::class_id),
      opt("priorities", &NetworkLimits::priorities)};
};

template <>
struct Fields<RdmaLimits> {
  static constexpr std::tuple list{
      opt("hcaHandles", &RdmaLimits::hca_handles),
      opt("hcaObjects", &RdmaLimits::hca_objects)};
};

template <>
struct Fields<Resources> {
  static constexpr std::tuple list{
      opt("devices", &Resources::devices),
      opt("memory", &Resources::memory),
      opt("cpu", &Resources::cpu),
      opt("pids", &Resources::pids),
      opt("blockIO", &Resources::block_io),
      opt("hugepageLimits", &Resources::hugepage_limits),
      opt("network", &Resources::network),
      opt("rdma", &Resources::rdma),
      opt("unified", &Resources::unified)};
};

// clang-format on

}  // namespace nucleus::oci
