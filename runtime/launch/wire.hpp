// The channel between the launching runtime and the process it launches: fixed-size messages over SOCK_SEQPACKET, with
// role-typed ends so that neither side can send what only the other may.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::launch {

enum class ReportKind : std::uint32_t {
  warning,        // op failed, its reaction is warn
  failed,         // op failed; the process has ended
  runtime_hooks,  // everything is mounted: run the createRuntime hooks, then proceed
  console,        // carries the terminal's master fd
  egress_socket,  // carries a socket of the follower's, `op` says which (EgressSocket)
  listener,       // carries the seccomp listener fd
  ready,          // set up; waiting for the acknowledgement
};

// From the launched process. `detail` is the error's text, `op` the index into the plan's init list.
struct Report {
  ReportKind kind = ReportKind::failed;
  std::uint32_t op = 0;
  std::int32_t sys_errno = 0;
  std::uint32_t code = 0;  // ErrorCode
  char detail[496] = {};
};

enum class Order : std::uint32_t {
  proceed,  // ids are mapped, or the hooks ran
  created,  // the state is on disk: from now on the process lives without its launcher
  start,    // execute the program
  observe,  // let the starter trace this process, and say when it may: a user's process is closed to the user, too
};

// The launched process's end.
class ProcessEnd {
 public:
  ProcessEnd() = default;
  explicit ProcessEnd(UniqueFd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  void close() { fd_.reset(); }

  // `carried` >= 0 goes along as SCM_RIGHTS.
  Status report(ReportKind kind, std::size_t op = 0, const Error* error = nullptr, int carried = -1) const;
  // From here on every system call waits for whoever gets the listener that is reported with this.
  Status report_every_call() const;
  // Blocks for the next order; an error when the other side is gone or says something else.
  Status expect(Order order) const;
  // The next order, whichever it is.
  [[nodiscard]] Result<Order> next() const;

 private:
  UniqueFd fd_;
};

// The launcher's end.
class LauncherEnd {
 public:
  LauncherEnd() = default;
  explicit LauncherEnd(UniqueFd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  void close() { fd_.reset(); }

  struct Received {
    Report report;
    UniqueFd carried;
  };
  // The next report; nullopt at end of file (the process ended, or executed its program).
  [[nodiscard]] Result<std::optional<Received>> receive() const;
  Status order(Order order) const;

 private:
  UniqueFd fd_;
};

struct Channel {
  LauncherEnd launcher;
  ProcessEnd process;
};
[[nodiscard]] Result<Channel> make_channel();

}  // namespace nucleus::launch
