// Stops a process between its successful execve and the first instruction of the new image, so that the kernel's view
// of it (status, maps, limits) can be read while it is final and cannot be influenced by the workload.
#pragma once

#include <sys/types.h>

#include <optional>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

// How the wait ended.
struct ExecEvent {
  bool at_exec = false;  // stopped at PTRACE_EVENT_EXEC
  int wait_status = 0;   // when not: how the process ended. For an own child it has thereby been reaped
};

// Tracing of one single-threaded process. If this object dies before detach(), or we die, the kernel kills the process
// (PTRACE_O_EXITKILL): a workload never runs unobserved. Note execve(2): set-id bits and file capabilities do not take
// effect under a tracer that lacks CAP_SYS_PTRACE in the process's user namespace.
class ExecWatch {
 public:
  // PTRACE_SEIZE, which stops nothing. EPERM: no right to trace it.
  [[nodiscard]] static Result<ExecWatch> seize(pid_t pid);
  ExecWatch(ExecWatch&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ExecWatch& operator=(ExecWatch&&) = delete;
  ~ExecWatch();

  // Waits for the exec stop or the end. Other signals are passed through, job control stops are honoured.
  [[nodiscard]] Result<ExecEvent> wait();
  // The same without waiting: nullopt when nothing has happened, or only what was passed through.
  [[nodiscard]] Result<std::optional<ExecEvent>> look();
  // Lets the stopped process run, untraced.
  [[nodiscard]] Status detach();

 private:
  Result<std::optional<ExecEvent>> step(int options);
  explicit ExecWatch(pid_t pid) noexcept : pid_(pid) {}
  pid_t pid_ = -1;
};

}  // namespace nucleus::sys
