#include "runtime/sys/process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace nucleus::sys {

Result<Cloned> clone3(const CloneArgs& args) {
  int pidfd = -1;
  clone_args raw{};
  raw.flags = args.flags | CLONE_PIDFD;
  raw.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  raw.exit_signal = (args.flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
  if (args.cgroup_fd >= 0) {
    raw.flags |= CLONE_INTO_CGROUP;
    raw.cgroup = static_cast<std::uint64_t>(args.cgroup_fd);
  }
  const long pid = ::syscall(SYS_clone3, &raw, sizeof(raw));
  if (pid < 0) {
    return fail_errno("clone3");
  }
  // In the child CLONE_PIDFD leaves the variable alone: the descriptor exists in the parent only.
  return Cloned{static_cast<pid_t>(pid), UniqueFd(pid == 0 ? -1 : pidfd)};
}

Result<UniqueFd> pidfd_open(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) {
    return fail_errno("pidfd_open " + std::to_string(pid));
  }
  return UniqueFd(static_cast<int>(fd));
}

Status pidfd_send_signal(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) != 0) {
    return fail_errno("pidfd_send_signal " + std::to_string(signal));
  }
  return {};
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    kill_and_reap();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

Child::~Child() { kill_and_reap(); }

void Child::kill_and_reap() noexcept {
  if (pid_ <= 0) {
    return;
  }
  if (!pidfd_ || ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0) != 0) {
    ::kill(pid_, SIGKILL);  // unreaped, so the number is still this process
  }
  while (::waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

Status Child::kill(int signal) const { return pidfd_send_signal(pidfd_.get(), signal); }

Result<int> Child::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, __WALL) < 0) {
    if (errno != EINTR) {
      return fail_errno("waitpid " + std::to_string(pid_));
    }
  }
  pid_ = -1;
  return status;
}

Result<std::optional<int>> Child::try_wait() {
  int status = 0;
  const pid_t got = ::waitpid(pid_, &status, __WALL | WNOHANG);
  if (got < 0) {
    return fail_errno("waitpid " + std::to_string(pid_));
  }
  if (got == 0) {
    return std::optional<int>();
  }
  pid_ = -1;
  return std::optional<int>(status);
}

void Child::mark_reaped() noexcept {
  pid_ = -1;
  pidfd_.reset();
}

pid_t Child::release() noexcept {
  pidfd_.reset();
  return std::exchange(pid_, -1);
}

Status close_from(unsigned first) {
  if (::close_range(first, ~0U, 0) != 0) {
    return fail_errno("close_range");
  }
  return {};
}

Status set_cloexec_from(unsigned first) {
  if (::close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    return fail_errno("close_range CLOEXEC");
  }
  return {};
}

Status set_cloexec(int fd, bool on) {
  if (::fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) != 0) {
    return fail_errno("fcntl F_SETFD");
  }
  return {};
}

Status set_parent_death_signal(int signal, pid_t expected_parent) {
  if (::prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0) {
    return fail_errno("prctl PR_SET_PDEATHSIG");
  }
  if (expected_parent != 0 && ::getppid() != expected_parent) {
    return fail_errno("parent process", ESRCH);
  }
  return {};
}

Status set_dumpable(bool on) {
  if (::prctl(PR_SET_DUMPABLE, on ? 1 : 0, 0, 0, 0) != 0) {
    return fail_errno("prctl PR_SET_DUMPABLE");
  }
  return {};
}

Status set_child_subreaper(bool on) {
  if (::prctl(PR_SET_CHILD_SUBREAPER, on ? 1 : 0, 0, 0, 0) != 0) {
    return fail_errno("prctl PR_SET_CHILD_SUBREAPER");
  }
  return {};
}

}  // namespace nucleus::sys
