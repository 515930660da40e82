#include "runtime/sys/ptrace_exec.hpp"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

namespace nucleus::sys {
namespace {

bool is_group_stop(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

// Resumes a tracee that stopped for something else than its exec; ptrace(2), "Stopped states".
int resume(pid_t pid, int status) {
  const int signal = WSTOPSIG(status);
  const int event = status >> 16;
  if (event == PTRACE_EVENT_STOP) {
    return is_group_stop(signal) ? static_cast<int>(::ptrace(PTRACE_LISTEN, pid, nullptr, nullptr))
                                 : static_cast<int>(::ptrace(PTRACE_CONT, pid, nullptr, nullptr));
  }
  const auto pass_on = static_cast<std::uintptr_t>(event == 0 ? signal : 0);
  return static_cast<int>(::ptrace(PTRACE_CONT, pid, nullptr, reinterpret_cast<void*>(pass_on)));
}

}  // namespace

Result<ExecWatch> ExecWatch::seize(pid_t pid) {
  constexpr std::uintptr_t kOptions = PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, reinterpret_cast<void*>(kOptions)) != 0) {
    return fail_errno("ptrace PTRACE_SEIZE " + std::to_string(pid));
  }
  return ExecWatch(pid);
}

ExecWatch::~ExecWatch() {
  if (pid_ <= 0) {
    return;
  }
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, __WALL) == pid_ ? WIFSTOPPED(status) : errno == EINTR) {
  }
}

Result<std::optional<ExecEvent>> ExecWatch::step(int options) {
  int status = 0;
  const pid_t changed = ::waitpid(pid_, &status, __WALL | options);
  if (changed < 0 && errno != EINTR) {
    return fail_errno("waitpid " + std::to_string(pid_));
  }
  if (changed <= 0) {
    return std::optional<ExecEvent>();
  }
  if (!WIFSTOPPED(status)) {
    pid_ = -1;
    return std::optional(ExecEvent{false, status});
  }
  if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXEC << 8))) {
    return std::optional(ExecEvent{true, status});
  }
  // ESRCH: it was killed meanwhile; the next wait tells.
  if (resume(pid_, status) != 0 && errno != ESRCH) {
    return fail_errno("ptrace resume " + std::to_string(pid_));
  }
  return std::optional<ExecEvent>();
}

Result<ExecEvent> ExecWatch::wait() {
  for (;;) {
    TRY_ASSIGN(const auto event, step(0));
    if (event) {
      return *event;
    }
  }
}

Result<std::optional<ExecEvent>> ExecWatch::look() { return step(WNOHANG); }

Status ExecWatch::detach() {
  if (::ptrace(PTRACE_DETACH, pid_, nullptr, nullptr) != 0) {
    return fail_errno("ptrace PTRACE_DETACH " + std::to_string(pid_));
  }
  pid_ = -1;
  return {};
}

}  // namespace nucleus::sys
