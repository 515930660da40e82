// Everything the pure core may know about the host and the bundle's rootfs. Plain data: filled in by
// runtime/sys/probe (the only questions asked of the kernel), written by hand in tests.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nucleus {

enum class CgroupLayout : std::uint8_t { none, v1, hybrid, v2 };

// One mounted v1 hierarchy.
struct CgroupV1Mount {
  std::string controllers;  // as in /proc/self/cgroup: "cpu,cpuacct" or "name=systemd"
  std::string mountpoint;   // host path
  std::string own_path;     // the runtime's own cgroup in it, "/" for the root
  bool operator==(const CgroupV1Mount&) const = default;
};

struct CgroupFacts {
  CgroupLayout layout = CgroupLayout::none;
  std::vector<CgroupV1Mount> v1;
  std::string v2_mountpoint;                // "" when there is none
  std::string v2_own_path;                  // the runtime's own cgroup below it
  std::vector<std::string> v2_controllers;  // of the root's cgroup.controllers
  bool nested = false;                      // v2: the runtime's cgroup namespace is not the kernel's first
};

// Resource limit of the runtime process; a container cannot get a higher hard limit without CAP_SYS_RESOURCE.
struct RlimitFact {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

// One entry directly below the rootfs.
struct RootEntry {
  enum class Kind : std::uint8_t { directory, file, symlink, other };
  std::string name;
  Kind kind = Kind::other;
  bool operator==(const RootEntry&) const = default;
};

struct RootfsFacts {
  std::string path;                  // absolute host path of the rootfs directory
  bool readable = false;             // false: `top_level` is unknown (explain without permission)
  bool is_mount = false;             // the directory is the root of a mount (an engine prepared it)
  bool inside_bundle = false;        // root.path lies below the bundle directory
  std::vector<RootEntry> top_level;  // sorted by name
  // Directories and mount points of config.json's mounts that exist in the rootfs as directories are not listed here:
  // rules derive those from the config.
};

// Which namespace a path in linux.namespaces[].path leads to.
struct NamespaceFact {
  bool exists = false;
  bool is_host = false;  // the same namespace as the runtime's own
};

struct HostFacts {
  std::string kernel_release;
  int landlock_abi = 0;  // 0: not available
  bool seccomp = true;
  CgroupFacts cgroup;
  bool user_namespaces = true;
  bool time_namespaces = true;
  std::uint32_t euid = 0;
  bool in_user_namespace = false;  // the runtime itself runs in a non-initial user namespace
  std::uint64_t capabilities = 0;  // effective set of the runtime
  bool apparmor = false;
  bool selinux = false;
  std::vector<std::string> thermal_paths;     // existing /sys/devices/system/cpu/cpuN/thermal_throttle
  std::string lockdown;                       // "", "none", "integrity", "confidentiality"
  std::map<std::string, RlimitFact> rlimits;  // keyed RLIMIT_NOFILE ...
  std::optional<std::int32_t> oom_score_adj;  // the runtime's own; lower needs CAP_SYS_RESOURCE. Absent: unknown
  std::map<std::string, NamespaceFact> namespace_paths;  // keyed by linux.namespaces[].path
  std::map<std::string, std::string> bind_sources;  // mounts[].source of binds -> where it leads, symlinks resolved
  std::vector<std::string> nameservers;             // of the host's /etc/resolv.conf; empty when nobody wanted to know
  RootfsFacts rootfs;
};

}  // namespace nucleus
