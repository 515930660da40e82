#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "runtime/follower/follower.hpp"
#include "runtime/follower/ready.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::follower {
namespace {

constexpr int kPatience = 10 * 1000;  // milliseconds for a follower to be ready
constexpr std::size_t kReportLimit = 4096;

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// Reads to the end of the pipe: every writer is gone, or has said what there is to say.
std::string read_report(int pipe) {
  std::string report;
  char buffer[512];
  pollfd polled{pipe, POLLIN, 0};
  while (report.size() < kReportLimit) {
    const int ready = ::poll(&polled, 1, kPatience);
    if (ready < 0 && errno == EINTR) {
      continue;
    }
    const ssize_t got = ready > 0 ? ::read(pipe, buffer, sizeof buffer) : 0;
    if (got <= 0) {
      return report;
    }
    report.append(buffer, static_cast<std::size_t>(got));
  }
  return report;
}

[[noreturn]] void become_follower(const FollowerConfig& config, FollowerDescriptors& descriptors, int pipe) {
  const pid_t pid = ::getpid();
  if (::write(pipe, &pid, sizeof pid) != static_cast<ssize_t>(sizeof pid)) {
    ::_exit(1);
  }
  run_follower(config, std::move(descriptors), pipe);
}

Result<pid_t> judge(const std::string& report) {
  pid_t pid = -1;
  if (report.size() < sizeof pid) {
    return fail(ErrorCode::kernel, "DNS follower: no process");
  }
  std::memcpy(&pid, report.data(), sizeof pid);
  const std::string said = report.substr(sizeof pid);
  if (said == std::string(1, '\0')) {
    return pid;
  }
  if (const auto pidfd = sys::pidfd_open(pid)) {
    (void)sys::pidfd_send_signal(pidfd->get(), SIGKILL);
  }
  return fail(ErrorCode::kernel, "DNS follower: " + (said.empty() ? "it ended before it was ready" : said));
}

}  // namespace

void report_ready(int pipe, std::string_view error) {
  if (pipe >= 0) {
    const char fine = '\0';
    (void)!::write(pipe, error.empty() ? &fine : error.data(), error.empty() ? 1 : error.size());
    ::close(pipe);
  }
}

Result<pid_t> start_follower(const FollowerConfig& config, FollowerDescriptors descriptors) {
  TRY_WITH(check_config(config), "DNS follower");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return fail_errno("pipe");
  }
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t between = ::fork();
  if (between < 0) {
    return fail_errno("fork");
  }
  if (between == 0) {
    const pid_t follower = ::fork();
    if (follower == 0) {
      become_follower(config, descriptors, writer.get());
    }
    ::_exit(follower < 0 ? 1 : 0);
  }
  writer.reset();
  reap(between);
  return judge(read_report(reader.get()));
}

}  // namespace nucleus::follower
