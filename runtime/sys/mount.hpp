// The mount API by descriptors (fsopen(2), open_tree(2), mount_setattr(2), move_mount(2); Linux 5.12). A mount is a
// detached descriptor until attach(), so an error path needs no clean-up: closing it is enough.
//
// A kernel rule to know: a mount can be cloned only while it is in the caller's mount namespace, so a descriptor that
// was opened before unshare or clone3(CLONE_NEWNS) gives EINVAL in the child, and so does a detached mount before 6.15.
#pragma once

#include <sys/mount.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

struct NewFilesystem {
  std::string type;                                             // "tmpfs", "proc", "cgroup" ...
  std::string source;                                           // shown in mountinfo; "" for the type's name
  std::vector<std::pair<std::string, std::string>> parameters;  // fsconfig; an empty value means a flag
  std::uint64_t attributes = 0;                                 // MOUNT_ATTR_* of the mount
  bool superblock_readonly = false;                             // "ro" as a property of the file system
};

// A detached mount of a new file system. Errors name the parameter and carry the kernel's own message, if it gave one.
[[nodiscard]] Result<UniqueFd> make_filesystem(const NewFilesystem& filesystem);

// A detached bind mount of what `fd` (O_PATH is enough) refers to; `recursive` takes the mounts below along.
[[nodiscard]] Result<UniqueFd> clone_tree(int fd, bool recursive);
[[nodiscard]] Result<UniqueFd> clone_tree_at(const std::string& host_path, bool recursive);

struct MountChange {
  std::uint64_t set = 0;          // MOUNT_ATTR_*
  std::uint64_t clear = 0;        // MOUNT_ATTR_*; set MOUNT_ATTR__ATIME here when `set` names an atime mode
  std::uint64_t propagation = 0;  // one of MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, or 0
  int user_namespace = -1;        // with MOUNT_ATTR_IDMAP in `set`; only on detached mounts
};
// `mount` is the root of a mount (detached or attached); EINVAL otherwise.
[[nodiscard]] Status change_mount(int mount, const MountChange& change, bool recursive);

// "private" -> MS_PRIVATE, "rslave" -> MS_SLAVE | MS_REC, ...; 0 for an unknown word.
[[nodiscard]] unsigned long propagation_flags(std::string_view name);

// Attaches the detached mount on top of what `target` refers to. Descriptors of `target` keep showing what is below;
// `mount` itself shows the attached mount.
[[nodiscard]] Status attach(int mount, int target);

// Takes the mount whose root `fd` is out of the tree (MNT_DETACH).
[[nodiscard]] Status detach(int fd);

// Propagation of the mount tree at "/" of the calling process: MS_REC | MS_SLAVE before anything is mounted.
[[nodiscard]] Status set_root_propagation(unsigned long flags);

// Makes `new_root` (the root of an attached mount) the root and working directory of this mount namespace and drops
// the old root, without naming any path: pivot_root(".", ".").
[[nodiscard]] Status pivot_root_into(int new_root);

}  // namespace nucleus::sys
