#include "runtime/sys/terminal_relay.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include "runtime/base/io.hpp"
#include "runtime/sys/terminal.hpp"

namespace nucleus::sys {
namespace {

constexpr std::size_t kChunk = 16 * 1024;

class Relay {
 public:
  Relay(int input, int output, int master, int process, int resize)
      : input_(input), output_(output), master_(master), process_(process), resize_(resize) {}

  Status run();

 private:
  enum class Progress { more, finished };
  Status wait(std::array<pollfd, 4>& polled) const;
  Result<Progress> from_master();
  void from_input();
  Status to_master();
  void copy_size() const;

  int input_, output_, master_, process_, resize_;
  std::string pending_;  // typed, not yet taken by the master
  bool input_open_ = true;
};

Status Relay::wait(std::array<pollfd, 4>& polled) const {
  const auto events = [](bool wanted, short what) { return static_cast<short>(wanted ? what : 0); };
  polled[0] = {master_, static_cast<short>(POLLIN | events(!pending_.empty(), POLLOUT)), 0};
  polled[1] = {input_open_ && pending_.empty() ? input_ : -1, POLLIN, 0};
  polled[2] = {process_, POLLIN, 0};
  polled[3] = {resize_, POLLIN, 0};
  while (::poll(polled.data(), polled.size(), -1) < 0) {
    if (errno != EINTR) {
      return fail_errno("poll");
    }
  }
  return {};
}

// The master is non-blocking, so that a session that does not read cannot keep us from showing what it writes.
Result<Relay::Progress> Relay::from_master() {
  std::array<char, kChunk> buffer;
  const ssize_t got = ::read(master_, buffer.data(), buffer.size());
  if (got > 0) {
    TRY(write_all(output_, {buffer.data(), static_cast<std::size_t>(got)}, "terminal output"));
    return Progress::more;
  }
  if (got == 0 || errno == EIO) {
    return Progress::finished;
  }
  return errno == EAGAIN || errno == EINTR ? Result<Progress>(Progress::more) : fail_errno("read terminal");
}

void Relay::from_input() {
  std::array<char, kChunk> buffer;
  const ssize_t got = ::read(input_, buffer.data(), buffer.size());
  if (got > 0) {
    pending_.assign(buffer.data(), static_cast<std::size_t>(got));
  } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
    input_open_ = false;
  }
}

Status Relay::to_master() {
  const ssize_t put = ::write(master_, pending_.data(), pending_.size());
  if (put >= 0) {
    pending_.erase(0, static_cast<std::size_t>(put));
    return {};
  }
  return errno == EAGAIN || errno == EINTR || errno == EIO ? Status{} : fail_errno("write terminal");
}

void Relay::copy_size() const {
  if (const auto size = window_size(input_)) {
    static_cast<void>(set_window_size(master_, *size));  // the session may just have ended
  }
}

Status Relay::run() {
  for (;;) {
    std::array<pollfd, 4> polled{};
    TRY(wait(polled));
    if (polled[3].revents != 0) {
      signalfd_siginfo info{};
      static_cast<void>(::read(resize_, &info, sizeof(info)) < 0);
      copy_size();
    }
    if (polled[1].revents != 0) {
      from_input();
    }
    if ((polled[0].revents & POLLOUT) != 0 && !pending_.empty()) {
      TRY(to_master());
    }
    if ((polled[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      TRY_ASSIGN(const Progress progress, from_master());
      if (progress == Progress::finished) {
        return {};
      }
    } else if (polled[2].revents != 0) {
      return {};  // the process is gone and what it wrote is shown
    }
  }
}

// SIGWINCH as a descriptor; the signal mask comes back afterwards.
class ResizeSignal {
 public:
  ResizeSignal() {
    sigset_t mask;
    ::sigemptyset(&mask);
    ::sigaddset(&mask, SIGWINCH);
    ::sigprocmask(SIG_BLOCK, &mask, &saved_);
    fd_.reset(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~ResizeSignal() { ::sigprocmask(SIG_SETMASK, &saved_, nullptr); }
  ResizeSignal(const ResizeSignal&) = delete;
  ResizeSignal& operator=(const ResizeSignal&) = delete;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  sigset_t saved_{};
  UniqueFd fd_;
};

}  // namespace

Result<RawMode> RawMode::enter(int terminal) {
  RawMode mode;
  if (::tcgetattr(terminal, &mode.saved_) != 0) {
    return errno == ENOTTY || errno == EINVAL ? Result<RawMode>(std::move(mode)) : fail_errno("read terminal mode");
  }
  termios raw = mode.saved_;
  ::cfmakeraw(&raw);
  if (::tcsetattr(terminal, TCSANOW, &raw) != 0) {
    return fail_errno("set terminal mode");
  }
  mode.fd_ = terminal;
  return mode;
}

RawMode::~RawMode() {
  if (fd_ >= 0) {
    ::tcsetattr(fd_, TCSANOW, &saved_);
  }
}

Status relay_terminal(int input, int output, int master, int process) {
  const int flags = ::fcntl(master, F_GETFL);
  if (flags < 0 || ::fcntl(master, F_SETFL, flags | O_NONBLOCK) != 0) {
    return fail_errno("terminal flags");
  }
  const ResizeSignal resize;
  return Relay(input, output, master, process, resize.fd()).run();
}

}  // namespace nucleus::sys
