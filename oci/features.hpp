// What this runtime implements, as the `features` document reports it. True only for what is built: an engine that
// reads a "true" sends configs that rely on it.
#pragma once

#include <array>
#include <string_view>

namespace nucleus::oci {

struct Implemented {
  bool cgroup_v1 = true;
  bool cgroup_v2 = true;
  bool cgroup_systemd = false;
  bool cgroup_systemd_user = false;
  bool cgroup_rdma = false;
  bool seccomp = true;
  bool apparmor = true;
  bool selinux = true;
  bool intel_rdt = false;
  bool idmapped_mounts = true;
  bool net_devices = false;
  bool memory_policy = true;
};

inline constexpr Implemented kImplemented;

// Annotations that change what the runtime does; engines should not let images set them (features.md).
inline constexpr std::array<std::string_view, 1> kUnsafeAnnotations = {"io.nucleus."};

}  // namespace nucleus::oci
