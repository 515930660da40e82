// Paths inside a rootfs that its contents may attack. Every lookup is confined by openat2(2) with RESOLVE_IN_ROOT and
// RESOLVE_NO_MAGICLINKS and yields a descriptor; callers act on the descriptor and never on a path again, so a symlink
// exchanged in between leads nowhere (CVE-2021-30465, CVE-2024-45310, CVE-2025-24965).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

class RootDir {
 public:
  // A host path, as the calling process's mount namespace has it now: a root opened before unshare(CLONE_NEWNS) does
  // not see mounts made later. Symlinks in the path are the administrator's and are followed.
  [[nodiscard]] static Result<RootDir> open_host(const std::string& path);
  // Any descriptor of a directory, for example of a detached mount.
  [[nodiscard]] static Result<RootDir> adopt(UniqueFd fd);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  // Opens `path` (absolute or relative, both from the root; "" is the root itself). `flags` as open(2), O_CLOEXEC is
  // added. Symlinks, also a trailing one unless O_NOFOLLOW, resolve inside the root.
  [[nodiscard]] Result<UniqueFd> open(std::string_view path, int flags, unsigned mode = 0) const;

  // mkdir -p; new directories get `mode` regardless of the umask. Dangling symlinks are followed inside the root and
  // their targets created, as runc does. Returns an O_PATH descriptor of the last directory. ENOTDIR: a file is there.
  [[nodiscard]] Result<UniqueFd> make_directories(std::string_view path, unsigned mode = 0755) const;

  // A mount target for something that is no directory: an existing non-directory is returned as it is, else an empty
  // file with `mode` is made, with its parents. Returns an O_PATH descriptor. EISDIR: a directory is there.
  [[nodiscard]] Result<UniqueFd> create_file(std::string_view path, unsigned mode = 0644) const;

  struct Parent {
    UniqueFd dir;      // O_PATH
    std::string name;  // one component, never "." or ".."
  };
  // The directory that holds the last component, which is not looked at. `make_parents` creates it as
  // make_directories() does. EINVAL for the root itself.
  [[nodiscard]] Result<Parent> open_parent(std::string_view path, bool make_parents = false) const;

 private:
  explicit RootDir(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// openat2(2) below `dirfd`, retried while a concurrent rename makes it uncertain (EAGAIN), a bounded number of times.
[[nodiscard]] Result<UniqueFd> open_resolved(int dirfd, const std::string& path, int flags, unsigned mode,
                                             std::uint64_t resolve);

// What /proc/self/fd says about `fd`. For messages only: never opened again.
[[nodiscard]] std::string path_for_messages(int fd);

}  // namespace nucleus::sys
