#include "runtime/launch/foreground.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "runtime/sys/process.hpp"
#include "runtime/sys/terminal.hpp"
#include "runtime/sys/terminal_relay.hpp"

namespace nucleus::launch {
namespace {

// What a user or a supervisor may send to the runtime meaning the container.
constexpr std::array kForwarded = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP};

sigset_t forwarded_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kForwarded) {
    sigaddset(&set, number);
  }
  return set;
}

Result<UniqueFd> watch_signals() {
  hold_signals();
  const sigset_t set = forwarded_signals();
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  return fd ? Result<UniqueFd>(std::move(fd)) : fail_errno("signalfd");
}

void forward(int signals, int process) {
  signalfd_siginfo info{};
  while (::read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    (void)sys::pidfd_send_signal(process, static_cast<int>(info.ssi_signo));
  }
}

Status forward_until_end(int process) {
  TRY_ASSIGN(const UniqueFd signals, watch_signals());
  std::array<pollfd, 2> wait = {{{process, POLLIN, 0}, {signals.get(), POLLIN, 0}}};
  for (;;) {
    if (::poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR) {
      return fail_errno("poll");
    }
    if (wait[0].revents != 0) {
      return {};
    }
    forward(signals.get(), process);
  }
}

Status relay(int console, int process) {
  TRY_ASSIGN(const auto raw, sys::RawMode::enter(STDIN_FILENO));
  if (const auto size = sys::window_size(STDIN_FILENO)) {
    (void)sys::set_window_size(console, *size);
  }
  return sys::relay_terminal(STDIN_FILENO, STDOUT_FILENO, console, process);
}

Result<int> reap(int pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return fail_errno("wait for the container");
    }
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

void hold_signals() {
  const sigset_t set = forwarded_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

Result<int> wait_in_foreground(int pid, UniqueFd console) {
  TRY_ASSIGN(const UniqueFd process, sys::pidfd_open(pid));
  TRY(console ? relay(console.get(), process.get()) : forward_until_end(process.get()));
  return reap(pid);
}

}  // namespace nucleus::launch
