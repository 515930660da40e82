// Narrowing of one process's capabilities, shared by the container's init and `exec`.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "hardening/rules/rule.hpp"
#include "runtime/base/capability.hpp"

namespace nucleus::hardening {

// What podman, docker and containerd give every container (their default profile; identical in all three).
inline constexpr std::array<std::string_view, 14> kEngineDefaultCapabilities = {
    "CAP_AUDIT_WRITE", "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",    "CAP_FSETID",
    "CAP_KILL",        "CAP_MKNOD",   "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",   "CAP_SETFCAP",
    "CAP_SETGID",      "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT"};

[[nodiscard]] CapabilityMask engine_default_capabilities();

// The names of all five sets that no engine gives by default, in number order.
[[nodiscard]] std::vector<std::string> beyond_engine_defaults(const oci::Capabilities& capabilities);

// What may stay, per set. `bounding` is also the limit of permitted and effective.
struct CapabilityLimit {
  CapabilityMask bounding = 0;
  CapabilityMask ambient = 0;
  std::string reason;  // of the findings
  std::string origin;
};

// Intersects the sets of context.spec.process with the limit; a finding per set that changed. The inheritable set
// holds nothing but what the ambient set needs: capabilities(7), and CVE-2022-29162 for why not more.
void limit_capabilities(RuleContext& context, const CapabilityLimit& limit);

}  // namespace nucleus::hardening
