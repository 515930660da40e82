// Ephemeral roots: a tmpfs upper layer over an unchanged directory.
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

struct OverlayOptions {
  std::string size;                // of the tmpfs, as its size= parameter; "" for the kernel's default (half the RAM)
  std::uint64_t attributes = 0;    // MOUNT_ATTR_* of the resulting mount
  bool in_user_namespace = false;  // adds userxattr (Linux 5.11), without which overlay refuses to mount there
};

// A detached overlay mount over the directory `lower`, which must be in the caller's mount namespace, and that
// namespace must be the caller's own (not the host's): before Linux 6.15 the upper tmpfs has to be attached for a
// moment, over `lower`. The upper root takes mode and owner of `lower`. Needs /proc.
// EINVAL or EPERM: overlay is impossible here (lower file system, user namespace); see tree_copy.hpp for the other way.
[[nodiscard]] Result<UniqueFd> make_overlay(int lower, const OverlayOptions& options);

}  // namespace nucleus::sys
