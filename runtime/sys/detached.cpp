#include "runtime/sys/detached.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "runtime/base/io.hpp"
#include "runtime/sys/limits.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::sys {
namespace {

constexpr int kPatience = 10 * 1000;  // milliseconds to be ready
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

Result<pid_t> judge(const std::string& what, const std::string& report) {
  pid_t pid = -1;
  if (report.size() < sizeof pid) {
    return fail(ErrorCode::kernel, what + ": no process");
  }
  std::memcpy(&pid, report.data(), sizeof pid);
  const std::string said = report.substr(sizeof pid);
  if (said == std::string(1, '\0')) {
    return pid;
  }
  if (const auto pidfd = pidfd_open(pid)) {
    (void)pidfd_send_signal(pidfd->get(), SIGKILL);
  }
  return fail(ErrorCode::kernel, what + ": " + (said.empty() ? "it ended before it was ready" : said));
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    ::signal(signal,
             signal == SIGPIPE || signal == SIGXFSZ ? SIG_IGN : SIG_DFL);  // EINVAL for those that cannot be set
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Status null_stdio() {
  TRY_ASSIGN(const UniqueFd null, open_at(AT_FDCWD, "/dev/null", O_RDWR));
  for (const int fd : {0, 1, 2}) {
    if (::dup2(null.get(), fd) < 0) {
      return fail_errno("stdio");
    }
  }
  return {};
}

Status close_others(std::span<const int> keep) {
  std::vector<int> kept(keep.begin(), keep.end());
  std::sort(kept.begin(), kept.end());
  unsigned next = 3;
  for (const int fd : kept) {
    if (fd < static_cast<int>(next)) {
      return fail(ErrorCode::internal, "a descriptor given twice or in the place of stdio");
    }
    if (static_cast<unsigned>(fd) > next && ::close_range(next, static_cast<unsigned>(fd) - 1, 0) != 0) {
      return fail_errno("close_range");
    }
    next = static_cast<unsigned>(fd) + 1;
  }
  return close_from(next);
}

}  // namespace

Result<pid_t> start_detached(const std::string& what, const std::function<void(int ready)>& body) {
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
    const pid_t process = ::fork();
    if (process == 0) {
      const pid_t pid = ::getpid();
      if (::write(writer.get(), &pid, sizeof pid) == static_cast<ssize_t>(sizeof pid)) {
        body(writer.get());
      }
      ::_exit(1);
    }
    ::_exit(process < 0 ? 1 : 0);
  }
  writer.reset();
  reap(between);
  return judge(what, read_report(reader.get()));
}

void report_ready(int pipe, std::string_view error) {
  const char fine = '\0';
  (void)!::write(pipe, error.empty() ? &fine : error.data(), error.empty() ? 1 : error.size());
  ::close(pipe);
}

Status detach_process(const char* name, std::span<const int> keep, std::uint64_t open_files) {
  reset_signals();
  TRY(null_stdio());
  TRY(close_others(keep));
  if (::setsid() < 0 && errno != EPERM) {  // EPERM: leads one already
    return fail_errno("setsid");
  }
  if (::chdir("/") != 0) {
    return fail_errno("working directory");
  }
  ::umask(077);
  if (::prctl(PR_SET_NAME, name, 0, 0, 0) != 0) {
    return fail_errno("process name");
  }
  TRY(set_rlimit(0, RLIMIT_CORE, {0, 0}));
  TRY_ASSIGN(RlimitFact files, get_rlimit(0, RLIMIT_NOFILE));
  files.hard = std::min(files.hard, open_files);
  files.soft = files.hard;
  return set_rlimit(0, RLIMIT_NOFILE, files);
}

}  // namespace nucleus::sys
