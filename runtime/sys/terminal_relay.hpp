// Foreground use (`run` and `exec` with a terminal): the user's terminal in raw mode, bytes both ways.
#pragma once

#include <termios.h>

#include <optional>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

// Raw mode for a terminal while this object lives; the old settings come back on destruction.
class RawMode {
 public:
  // Not a terminal: nothing is changed and nothing restored.
  [[nodiscard]] static Result<RawMode> enter(int terminal);
  RawMode(RawMode&& other) noexcept : fd_(std::exchange(other.fd_, -1)), saved_(other.saved_) {}
  RawMode& operator=(RawMode&&) = delete;
  ~RawMode();

 private:
  RawMode() = default;
  int fd_ = -1;
  termios saved_{};
};

// Copies `input` to `master` and `master` to `output` until the master hangs up (EIO, all peers closed) or
// `process` (a pidfd) ends, after which what the master still holds is drained. End of input is not the end: the
// session goes on. SIGWINCH, blocked and read through a signalfd here, copies the size of `input` to the master.
[[nodiscard]] Status relay_terminal(int input, int output, int master, int process);

}  // namespace nucleus::sys
