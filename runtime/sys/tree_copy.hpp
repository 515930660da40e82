// Copies a directory tree into a fresh file system: tmpcopyup, and ephemeral roots where overlay is impossible.
#pragma once

#include <cstdint>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

struct TreeCopyStats {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t skipped = 0;  // device nodes that may not be made here (user namespace)
};

// Copies the content and the own mode, owner and times of directory `source` onto directory `target`. Kept: modes,
// owners, times, symlinks as they are, hard links, FIFOs, sockets' nodes, device nodes where permitted, extended
// attributes as far as the target takes them. Mounts below `source` are not entered. Nothing is followed: every step is
// one component below an open directory with O_NOFOLLOW. An owner that cannot be set (user namespace) stays the caller.
[[nodiscard]] Result<TreeCopyStats> copy_tree(int source, int target);

}  // namespace nucleus::sys
