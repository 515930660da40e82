#include "runtime/sys/seccomp.hpp"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

namespace nucleus::sys {
namespace {

Result<UniqueFd> install(const void* code, std::size_t count, unsigned flags) {
  if (count == 0 || count > std::numeric_limits<unsigned short>::max()) {
    return fail_errno("seccomp filter of " + std::to_string(count) + " instructions", EINVAL);
  }
  sock_fprog program{};
  program.len = static_cast<unsigned short>(count);
  program.filter = static_cast<sock_filter*>(const_cast<void*>(code));  // the kernel only reads it
  const long listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (listener < 0) {
    return fail_errno("seccomp");
  }
  const bool wanted = (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
  return UniqueFd(wanted ? static_cast<int>(listener) : -1);
}

}  // namespace

Result<UniqueFd> install_seccomp(std::span<const sock_filter> code, unsigned flags) {
  return install(code.data(), code.size(), flags);
}

Result<UniqueFd> install_seccomp(std::span<const std::uint64_t> code, unsigned flags) {
  static_assert(sizeof(sock_filter) == sizeof(std::uint64_t));
  return install(code.data(), code.size(), flags);
}

}  // namespace nucleus::sys
