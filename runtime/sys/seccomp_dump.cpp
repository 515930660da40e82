#include "runtime/sys/seccomp_dump.hpp"

#include <linux/filter.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>

namespace nucleus::sys {
namespace {

// linux/ptrace.h and sys/ptrace.h exclude each other.
constexpr auto kGetFilter = static_cast<__ptrace_request>(0x420c);

Result<std::vector<std::string>> read_filters(pid_t thread) {
  constexpr long kMost = 1024;
  std::vector<std::string> out;
  for (long i = 0; i < kMost; ++i) {
    const long count = ::ptrace(kGetFilter, thread, i, nullptr);
    if (count < 0 && errno == ENOENT) {
      return out;
    }
    std::string bytes(count < 0 ? 0 : static_cast<std::size_t>(count) * sizeof(sock_filter), '\0');
    if (count < 0 || ::ptrace(kGetFilter, thread, i, bytes.data()) != count) {
      return fail_errno("read the seccomp filters of " + std::to_string(thread));
    }
    out.push_back(std::move(bytes));
  }
  return fail_errno("seccomp filters of " + std::to_string(thread), E2BIG);
}

}  // namespace

Result<std::vector<std::string>> seccomp_filters_of(pid_t thread) {
  if (::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) {
    return fail_errno("ptrace PTRACE_SEIZE " + std::to_string(thread));
  }
  int status = 0;
  pid_t got = 0;
  do {
    got = ::waitpid(thread, &status, __WALL);
  } while (got < 0 && errno == EINTR);
  if (got != thread || !WIFSTOPPED(status)) {
    return fail_errno("wait for thread " + std::to_string(thread), got < 0 ? errno : ESRCH);
  }
  auto out = read_filters(thread);
  if (::ptrace(PTRACE_DETACH, thread, nullptr, nullptr) != 0) {
    return fail_errno("ptrace PTRACE_DETACH " + std::to_string(thread));
  }
  return out;
}

}  // namespace nucleus::sys
