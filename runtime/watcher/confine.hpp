// What a watcher may still do once it serves: it reads what a container says, so it is held as if it were the container's.
#pragma once

#include "oci/spec_linux.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::watcher {

// Notifications, time, memory without execution, the open files, and files below /proc by way of `openat`. Making
// processes, executing, tracing and changing namespaces kills; anything else is ENOSYS.
[[nodiscard]] oci::Seccomp watcher_seccomp();

// No capability, not dumpable, no_new_privs, Landlock with nothing but reading below `proc` (a descriptor of /proc), the
// filter. Not to be taken back.
[[nodiscard]] Status confine(int proc);

}  // namespace nucleus::watcher
