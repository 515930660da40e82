// config-linux.md: JSON names of the structs in spec_linux.hpp, except resources.
#pragma once

#include "oci/fields.hpp"
#include "oci/spec_linux.hpp"

namespace nucleus::oci {

// One member a line, in the order of the specification.
// clang-format off
template <>
struct Fields<IdMapping> {
  static constexpr std::tuple list{
      req("containerID", &IdMapping::container_id),
      req("hostID", &IdMapping::host_id),
      req("size", &IdMapping::size)};
};

template <>
struct Fields<Namespace> {
  static constexpr std::tuple list{
      req("type", &Namespace::type),
      opt("path", &Namespace::path)};
};

template <>
struct Fields<Device> {
  static constexpr std::tuple list{
      req("path", &Device::path),
      req("type", &Device::type),
      req("major", &Device::major),
      req("minor", &Device::minor),
      opt("fileMode", &Device::file_mode),
      opt("uid", &Device::uid),
      opt("gid", &Device::gid)};
};

template <>
struct Fields<NetDevice> {
  static constexpr std::tuple list{
      opt("name", &NetDevice::name)};
};

template <>
struct Fields<SeccompArg> {
  static constexpr std::tuple list{
      req("index", &SeccompArg::index),
      req("value", &SeccompArg::value),
      opt("valueTwo", &SeccompArg::value_two),
      req("op", &SeccompArg::op)};
};

template <>
struct Fields<SeccompRule> {
  static constexpr std::tuple list{
      req("names", &SeccompRule::names),
      req("action", &SeccompRule::action),
      opt("errnoRet", &SeccompRule::errno_ret),
      opt("args", &SeccompRule::args)};
};

template <>
struct Fields<Seccomp> {
  static constexpr std::tuple list{
      req("defaultAction", &Seccomp::default_action),
      opt("defaultErrnoRet", &Seccomp::default_errno_ret),
      opt("architectures", &Seccomp::architectures),
      opt("flags", &Seccomp::flags),
      opt("listenerPath", &Seccomp::listener_path),
      opt("listenerMetadata", &Seccomp::listener_metadata),
      opt("syscalls", &Seccomp::syscalls)};
};

template <>
struct Fields<IntelRdt> {
  static constexpr std::tuple list{
      opt("closID", &IntelRdt::clos_id),
      opt("schemata", &IntelRdt::schemata),
      opt("l3CacheSchema", &IntelRdt::l3_cache_schema),
      opt("memBwSchema", &IntelRdt::mem_bw_schema),
      opt("enableMonitoring", &IntelRdt::enable_monitoring),
      opt("enableCMT", &IntelRdt::enable_cmt),
      opt("enableMBM", &IntelRdt::enable_mbm)};
};

template <>
struct Fields<MemoryPolicy> {
  static constexpr std::tuple list{
      req("mode", &MemoryPolicy::mode),
      opt("nodes", &MemoryPolicy::nodes),
      opt("flags", &MemoryPolicy::flags)};
};

template <>
struct Fields<Personality> {
  static constexpr std::tuple list{
      req("domain", &Personality::domain),
      opt("flags", &Personality::flags)};
};

template <>
struct Fields<TimeOffset> {
  static constexpr std::tuple list{
      opt("secs", &TimeOffset::secs),
      opt("nanosecs", &TimeOffset::nanosecs)};
};

template <>
struct Fields<Linux> {
  static constexpr std::tuple list{
      opt("uidMappings", &Linux::uid_mappings),
      opt("gidMappings", &Linux::gid_mappings),
      opt("sysctl", &Linux::sysctl),
      opt("resources", &Linux::resources),
      opt("cgroupsPath", &Linux::cgroups_path),
      opt("namespaces", &Linux::namespaces),
      opt("devices", &Linux::devices),
      opt("netDevices", &Linux::net_devices),
      opt("seccomp", &Linux::seccomp),
      opt("rootfsPropagation", &Linux::rootfs_propagation),
      opt("maskedPaths", &Linux::masked_paths),
      opt("readonlyPaths", &Linux::readonly_paths),
      opt("mountLabel", &Linux::mount_label),
      opt("intelRdt", &Linux::intel_rdt),
      opt("memoryPolicy", &Linux::memory_policy),
      opt("personality", &Linux::personality),
      opt("timeOffsets", &Linux::time_offsets)};
};

// clang-format on

}  // namespace nucleus::oci
