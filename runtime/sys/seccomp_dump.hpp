// The seccomp filters that the kernel holds for a thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

// Of a thread that is stopped by SIGSTOP and that nobody traces: it is traced for a moment and is stopped afterwards as
// before. Each filter as struct sock_filter in kernel layout, the oldest first (PTRACE_SECCOMP_GET_FILTER, Linux 4.4,
// CONFIG_CHECKPOINT_RESTORE; EACCES for a caller that is filtered itself).
[[nodiscard]] Result<std::vector<std::string>> seccomp_filters_of(pid_t thread);

}  // namespace nucleus::sys
