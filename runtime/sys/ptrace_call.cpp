#include "runtime/sys/ptrace_call.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cerrno>
#include <string>

namespace nucleus::sys {
namespace {

constexpr long kSuspendSeccomp = 1 << 21;   // PTRACE_O_SUSPEND_SECCOMP
constexpr unsigned long kSyscall = 0x050f;  // "syscall", as a little-endian word begins
constexpr unsigned long kTwoBytes = 0xffff;
constexpr unsigned long kUserCode64 = 0x33;  // code segment of 64-bit programs
constexpr auto kNoSyscall = static_cast<unsigned long long>(-1);

Status await_stop(pid_t thread) {
  int status = 0;
  pid_t got = 0;
  do {
    got = ::waitpid(thread, &status, __WALL);
  } while (got < 0 && errno == EINTR);
  return got == thread && WIFSTOPPED(status) ? Status{} : fail_errno("wait for thread", got < 0 ? errno : ESRCH);
}

// The stop after one instruction; a group stop that is still to be reported comes before it.
Status step(pid_t thread) {
  constexpr int kMost = 4;
  for (int i = 0; i < kMost; ++i) {
    if (::ptrace(PTRACE_SINGLESTEP, thread, nullptr, nullptr) != 0) {
      return fail_errno("ptrace PTRACE_SINGLESTEP");
    }
    TRY(await_stop(thread));
    user_regs_struct now{};
    if (::ptrace(PTRACE_GETREGS, thread, nullptr, &now) != 0) {
      return fail_errno("ptrace PTRACE_GETREGS");
    }
    if (now.rax != SYS_prctl) {
      return now.rax == 0 ? Status{} : fail_errno("prctl", static_cast<int>(-static_cast<long>(now.rax)));
    }
  }
  return fail(ErrorCode::kernel, "the thread makes no system call");
}

Status call_prctl(pid_t thread) {
  user_regs_struct saved{};
  if (::ptrace(PTRACE_GETREGS, thread, nullptr, &saved) != 0) {
    return fail_errno("ptrace PTRACE_GETREGS");
  }
  if (saved.cs != kUserCode64) {
    return fail(ErrorCode::kernel, "a 32-bit thread");
  }
  auto* const place = reinterpret_cast<void*>(saved.rip);
  errno = 0;
  const long word = ::ptrace(PTRACE_PEEKTEXT, thread, place, nullptr);
  if (word == -1 && errno != 0) {
    return fail_errno("ptrace PTRACE_PEEKTEXT");
  }
  const unsigned long patched = (static_cast<unsigned long>(word) & ~kTwoBytes) | kSyscall;
  user_regs_struct call = saved;
  call.orig_rax = kNoSyscall;  // nothing of the thread's own is restarted by ours
  call.rax = SYS_prctl;
  call.rdi = PR_SET_NO_NEW_PRIVS;
  call.rsi = 1;
  call.rdx = call.r10 = call.r8 = 0;
  if (::ptrace(PTRACE_POKETEXT, thread, place, reinterpret_cast<void*>(patched)) != 0) {
    return fail_errno("ptrace PTRACE_POKETEXT");
  }
  Status done =
      ::ptrace(PTRACE_SETREGS, thread, nullptr, &call) == 0 ? step(thread) : fail_errno("ptrace PTRACE_SETREGS");
  if (::ptrace(PTRACE_POKETEXT, thread, place, reinterpret_cast<void*>(word)) != 0 ||
      ::ptrace(PTRACE_SETREGS, thread, nullptr, &saved) != 0) {
    return fail_errno("put a thread back");
  }
  return done;
}

}  // namespace

Status set_no_new_privileges_of(pid_t thread) {
  if (::ptrace(PTRACE_SEIZE, thread, nullptr, reinterpret_cast<void*>(kSuspendSeccomp)) != 0) {
    return fail_errno("ptrace PTRACE_SEIZE " + std::to_string(thread));
  }
  TRY(await_stop(thread));
  Status done = call_prctl(thread);
  if (::ptrace(PTRACE_DETACH, thread, nullptr, nullptr) != 0) {
    return fail_errno("ptrace PTRACE_DETACH " + std::to_string(thread));
  }
  return done;
}

}  // namespace nucleus::sys
