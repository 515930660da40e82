// Landlock, landlock(7). The rights are named in runtime/base/landlock_rights.hpp; who gets them is decided elsewhere.
#pragma once

#include <cstdint>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

// The kernel's ABI version; 0 when Landlock is absent or disabled at boot.
[[nodiscard]] int landlock_abi();

class Landlock {
 public:
  // `handled` rights are denied unless a rule grants them. Bits the kernel does not know are EINVAL: the caller masks.
  [[nodiscard]] static Result<Landlock> create(std::uint64_t handled_fs, std::uint64_t handled_net,
                                               std::uint64_t scoped);

  // Grants `access` beneath what `fd` (O_PATH) refers to. Rights outside the handled set, and for a non-directory those
  // that only make sense for directories, are left out; when nothing is left no rule is made.
  [[nodiscard]] Status allow_path(int fd, std::uint64_t access) const;
  [[nodiscard]] Status allow_port(std::uint16_t port, std::uint64_t access) const;

  // For the calling thread and its future children, for ever. Needs no_new_privs or CAP_SYS_ADMIN: EPERM otherwise.
  [[nodiscard]] Status restrict_self() const;

 private:
  Landlock(UniqueFd fd, std::uint64_t fs, std::uint64_t net) noexcept
      : fd_(std::move(fd)), handled_fs_(fs), handled_net_(net) {}
  UniqueFd fd_;
  std::uint64_t handled_fs_ = 0;
  std::uint64_t handled_net_ = 0;
};

}  // namespace nucleus::sys
