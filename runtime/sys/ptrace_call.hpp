// One system call, made by another thread.
#pragma once

#include <sys/types.h>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

// Sets no_new_privs of a 64-bit thread that is stopped by SIGSTOP and that nobody traces; afterwards it is stopped as
// before. Nothing of the thread's own runs: two bytes at its instruction pointer are exchanged for a system call and put
// back. The thread's seccomp filters are suspended meanwhile (PTRACE_O_SUSPEND_SECCOMP: CAP_SYS_ADMIN, no filter of the
// caller's own).
[[nodiscard]] Status set_no_new_privileges_of(pid_t thread);

}  // namespace nucleus::sys
