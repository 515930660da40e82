#include "runtime/launch/descriptors.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace nucleus::launch {
namespace {

Status close_range(unsigned first, unsigned last) {
  if (first <= last && ::syscall(SYS_close_range, first, last, 0U) != 0) {
    return fail_errno("close_range");
  }
  return {};
}

}  // namespace

Status close_except(unsigned first, std::vector<int> keep) {
  std::sort(keep.begin(), keep.end());
  for (const int fd : keep) {
    if (fd < 0 || static_cast<unsigned>(fd) < first) {
      continue;
    }
    const auto kept = static_cast<unsigned>(fd);
    if (kept > first) {
      TRY(close_range(first, kept - 1));
    }
    first = kept + 1;
  }
  return close_range(first, ~0U);
}

Status sanitize_descriptors(unsigned preserve) {
  for (unsigned i = 0; i < preserve; ++i) {
    const int fd = static_cast<int>(3 + i);
    if (::fcntl(fd, F_GETFD) < 0) {
      return fail(ErrorCode::usage, "--preserve-fds: descriptor " + std::to_string(fd) + " is not open");
    }
  }
  return close_range(3 + preserve, ~0U);
}

}  // namespace nucleus::launch
