// config-linux.md as plain data; see spec.hpp for the conventions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nucleus::oci {

// Unknown members of one JSON object: name -> JSON text.
using Extra = std::map<std::string, std::string>;

struct IdMapping {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
  Extra extra;
  bool operator==(const IdMapping&) const = default;
};

struct Namespace {
  std::string type;  // pid network ipc uts mount user cgroup time
  std::string path;  // empty: a new one
  Extra extra;
  bool operator==(const Namespace&) const = default;
};

struct Device {
  std::string path;
  std::string type;  // c b u p
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::optional<std::uint32_t> file_mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  Extra extra;
  bool operator==(const Device&) const = default;
};

struct NetDevice {
  std::string name;
  Extra extra;
  bool operator==(const NetDevice&) const = default;
};

// ---- resources ----------------------------------------------------------------------------------------------------

struct DeviceRule {
  bool allow = false;
  std::string type;  // a c b; empty means a
  std::optional<std::int64_t> major;
  std::optional<std::int64_t> minor;
  std::string access;  // of r w m
  Extra extra;
  bool operator==(const DeviceRule&) const = default;
};

struct MemoryLimits {
  std::optional<std::int64_t> limit;
  std::optional<std::int64_t> reservation;
  std::optional<std::int64_t> swap;
  std::optional<std::int64_t> kernel;
  std::optional<std::int64_t> kernel_tcp;
  std::optional<std::uint64_t> swappiness;
  std::optional<bool> disable_oom_killer;
  std::optional<bool> use_hierarchy;
  std::optional<bool> check_before_update;
  Extra extra;
  bool operator==(const MemoryLimits&) const = default;
};

struct CpuLimits {
  std::optional<std::uint64_t> shares;
  std::optional<std::int64_t> quota;
  std::optional<std::uint64_t> burst;
  std::optional<std::uint64_t> period;
  std::optional<std::int64_t> realtime_runtime;
  std::optional<std::uint64_t> realtime_period;
  std::string cpus;
  std::string mems;
  std::optional<std::int64_t> idle;
  Extra extra;
  bool operator==(const CpuLimits&) const = default;
};

struct PidsLimits {
  std::optional<std::int64_t> limit;
  Extra extra;
  bool operator==(const PidsLimits&) const = default;
};

struct WeightDevice {
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::optional<std::uint16_t> weight;
  std::optional<std::uint16_t> leaf_weight;
  Extra extra;
  bool operator==(const WeightDevice&) const = default;
};

struct ThrottleDevice {
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::uint64_t rate = 0;
  Extra extra;
  bool operator==(const ThrottleDevice&) const = default;
};

struct BlockIoLimits {
  std::optional<std::uint16_t> weight;
  std::optional<std::uint16_t> leaf_weight;
  std::vector<WeightDevice> weight_device;
  std::vector<ThrottleDevice> throttle_read_bps_device;
  std::vector<ThrottleDevice> throttle_write_bps_device;
  std::vector<ThrottleDevice> throttle_read_iops_device;   // JSON throttleReadIOPSDevice
  std::vector<ThrottleDevice> throttle_write_iops_device;  // JSON throttleWriteIOPSDevice
  Extra extra;
  bool operator==(const BlockIoLimits&) const = default;
};

struct HugepageLimit {
  std::string page_size;  // "2MB"
  std::uint64_t limit = 0;
  Extra extra;
  bool operator==(const HugepageLimit&) const = default;
};

struct InterfacePriority {
  std::string name;
  std::uint32_t priority = 0;
  Extra extra;
  bool operator==(const InterfacePriority&) const = default;
};

struct NetworkLimits {
  std::optional<std::uint32_t> class_id;  // JSON classID
  std::vector<InterfacePriority> priorities;
  Extra extra;
  bool operator==(const NetworkLimits&) const = default;
};

struct RdmaLimits {
  std::optional<std::uint32_t> hca_handles;
  std::optional<std::uint32_t> hca_objects;
  Extra extra;
  bool operator==(const RdmaLimits&) const = default;
};

struct Resources {
  std::vector<DeviceRule> devices;
  std::optional<MemoryLimits> memory;
  std::optional<CpuLimits> cpu;
  std::optional<PidsLimits> pids;
  std::optional<BlockIoLimits> block_io;  // JSON blockIO
  std::vector<HugepageLimit> hugepage_limits;
  std::optional<NetworkLimits> network;
  std::map<std::string, RdmaLimits> rdma;
  std::map<std::string, std::string> unified;
  Extra extra;
  bool operator==(const Resources&) const = default;
};

// ---- seccomp ------------------------------------------------------------------------------------------------------

struct SeccompArg {
  std::uint32_t index = 0;  // 0..5
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;
  std::string op;  // SCMP_CMP_*
  Extra extra;
  bool operator==(const SeccompArg&) const = default;
};

struct SeccompRule {
  std::vector<std::string> names;
  std::string action;  // SCMP_ACT_*
  std::optional<std::uint32_t> errno_ret;
  std::vector<SeccompArg> args;
  Extra extra;
  bool operator==(const SeccompRule&) const = default;
};

struct Seccomp {
  std::string default_action;
  std::optional<std::uint32_t> default_errno_ret;
  std::vector<std::string> architectures;
  std::vector<std::string> flags;
  std::string listener_path;
  std::string listener_metadata;
  std::vector<SeccompRule> syscalls;
  Extra extra;
  bool operator==(const Seccomp&) const = default;
};

// ---- the rest -----------------------------------------------------------------------------------------------------

struct IntelRdt {
  std::string clos_id;  // JSON closID
  std::vector<std::string> schemata;
  std::string l3_cache_schema;
  std::string mem_bw_schema;
  bool enable_monitoring = false;
  bool enable_cmt = false;  // JSON enableCMT
  bool enable_mbm = false;  // JSON enableMBM
  Extra extra;
  bool operator==(const IntelRdt&) const = default;
};

struct MemoryPolicy {
  std::string mode;  // MPOL_*
  std::string nodes;
  std::vector<std::string> flags;
  Extra extra;
  bool operator==(const MemoryPolicy&) const = default;
};

struct Personality {
  std::string domain;  // LINUX, LINUX32
  std::vector<std::string> flags;
  Extra extra;
  bool operator==(const Personality&) const = default;
};

struct TimeOffset {
  std::int64_t secs = 0;
  std::uint32_t nanosecs = 0;
  Extra extra;
  bool operator==(const TimeOffset&) const = default;
};

struct Linux {
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
  std::map<std::string, std::string> sysctl;
  std::optional<Resources> resources;
  std::string cgroups_path;
  std::vector<Namespace> namespaces;
  std::vector<Device> devices;
  std::map<std::string, NetDevice> net_devices;
  std::optional<Seccomp> seccomp;
  std::string rootfs_propagation;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::string mount_label;
  std::optional<IntelRdt> intel_rdt;
  std::optional<MemoryPolicy> memory_policy;
  std::optional<Personality> personality;
  std::map<std::string, TimeOffset> time_offsets;  // keys: monotonic, boottime
  Extra extra;
  bool operator==(const Linux&) const = default;
};

}  // namespace nucleus::oci
