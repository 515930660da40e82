// OCI hooks (runtime.md "Lifecycle", config.md "POSIX-platform Hooks"): programs run with the state on stdin.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/spec.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::launch {

// Runs them in order in the caller's namespaces; the first failure (exit status, signal, timeout) stops the rest. A
// hook that exceeds its timeout is killed. stdout and stderr go where the caller's go. `kind` names them in errors. They
// start in `directory` ("" is the caller's; runc starts them in the bundle, createContainer in the rootfs).
[[nodiscard]] Status run_hooks(const std::vector<oci::Hook>& hooks, std::string_view kind, const std::string& state,
                               const std::string& directory = "");

// For poststart and poststop, where the spec wants a warning and the rest to run.
void run_hooks_leniently(const std::vector<oci::Hook>& hooks, std::string_view kind, const std::string& state,
                         const std::string& directory = "");

}  // namespace nucleus::launch
