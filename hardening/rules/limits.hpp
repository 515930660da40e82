// Who may raise resource limits.
#pragma once

#include "runtime/base/capability.hpp"
#include "runtime/base/host_facts.hpp"

namespace nucleus::hardening {

// setrlimit(2) and oom_score_adj ask for CAP_SYS_RESOURCE in the initial user namespace.
[[nodiscard]] inline bool may_raise_limits(const HostFacts& facts) {
  return (facts.capabilities & capability_bit("CAP_SYS_RESOURCE")) != 0 && !facts.in_user_namespace;
}

}  // namespace nucleus::hardening
