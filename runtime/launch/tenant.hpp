// exec: a further process in a running container, confined by the container's stored plan.
#pragma once

#include <string>

#include "oci/spec.hpp"
#include "runtime/launch/container.hpp"

namespace nucleus::launch {

struct TenantOptions {
  std::string pid_file;
  std::string console_socket;
  unsigned preserve_fds = 0;
  bool ignore_paused = false;
};

struct Tenant {
  int pid = -1;      // a child of the caller until it ends or the caller exits
  UniqueFd console;  // the terminal's master when no console socket took it
};

// `process` as the caller asked for it; it is clamped to what the container's policy and init allow (law 1), gets the
// container's seccomp filter, Landlock rules and no_new_privs, and joins all its namespaces and its cgroup.
// Errors: runc's texts for stopped and paused containers.
[[nodiscard]] Result<Tenant> start_tenant(const Container& container, const oci::Process& process,
                                          const TenantOptions& options);

}  // namespace nucleus::launch
