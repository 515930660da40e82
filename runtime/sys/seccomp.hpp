// Installs compiled seccomp filters, seccomp(2). Compiling them is hardening/seccomp_compile's business.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

// `flags` are SECCOMP_FILTER_FLAG_*. Returns the notification listener with SECCOMP_FILTER_FLAG_NEW_LISTENER
// (close-on-exec), else an empty descriptor. Needs no_new_privs or CAP_SYS_ADMIN (EACCES otherwise).
[[nodiscard]] Result<UniqueFd> install_seccomp(std::span<const sock_filter> code, unsigned flags);
// The same for instructions held as 8-byte words in kernel layout.
[[nodiscard]] Result<UniqueFd> install_seccomp(std::span<const std::uint64_t> code, unsigned flags);

}  // namespace nucleus::sys
