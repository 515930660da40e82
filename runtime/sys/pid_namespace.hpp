// The processes of a container that has no cgroup: those of its pid namespace.
#pragma once

#include <sys/types.h>

#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/sys/procfs.hpp"

namespace nucleus::sys {

// Every process in the pid namespace of `init`, sorted; not those of namespaces below it. Needs the right to look at
// `init`; processes that end meanwhile, or that the caller may not look at, are left out.
[[nodiscard]] Result<std::vector<pid_t>> processes_in_pid_namespace_of(const ProcHandle& proc, pid_t init);

}  // namespace nucleus::sys
