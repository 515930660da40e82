#include "runtime/sys/file_copy.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace nucleus::sys {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 30;
constexpr std::size_t kMaxAttribute = 64 * 1024;  // XATTR_SIZE_MAX

// Moves both file positions.
Status copy_range(int source, int target, off_t from, off_t to) {
  if (::lseek(target, from, SEEK_SET) < 0) {
    return fail_errno("seek");
  }
  while (from < to) {
    const auto wanted = std::min<std::size_t>(kChunk, static_cast<std::size_t>(to - from));
    const ssize_t sent = ::sendfile(target, source, &from, wanted);
    if (sent < 0) {
      return fail_errno("write");
    }
    if (sent == 0) {
      return {};  // it shrank meanwhile
    }
  }
  return {};
}

// An owner without a mapping in our user namespace cannot be given; the copy then stays ours.
bool owner_failure_is_fatal() { return errno != EPERM && errno != EINVAL; }

void copy_attributes(int source, int target) {
  std::array<char, 4096> names{};
  const ssize_t length = ::flistxattr(source, names.data(), names.size());
  std::vector<char> value;
  for (ssize_t at = 0; at < length; at += static_cast<ssize_t>(std::strlen(&names[static_cast<std::size_t>(at)])) + 1) {
    const char* name = &names[static_cast<std::size_t>(at)];
    value.resize(kMaxAttribute);
    const ssize_t size = ::fgetxattr(source, name, value.data(), value.size());
    if (size >= 0) {
      // Best effort: tmpfs may not take every namespace of attributes, a user namespace not every name.
      static_cast<void>(::fsetxattr(target, name, value.data(), static_cast<std::size_t>(size), 0));
    }
  }
}

}  // namespace

Status copy_file_data(int source, int target, const struct stat& status) {
  const bool sparse = static_cast<off_t>(status.st_blocks) * 512 < status.st_size;
  if (!sparse) {
    return copy_range(source, target, 0, status.st_size);
  }
  if (::ftruncate(target, status.st_size) != 0) {
    return fail_errno("truncate");
  }
  for (off_t at = 0; at < status.st_size;) {
    const off_t data = ::lseek(source, at, SEEK_DATA);
    if (data < 0) {
      return errno == ENXIO ? Status{} : copy_range(source, target, at, status.st_size);
    }
    const off_t hole = ::lseek(source, data, SEEK_HOLE);
    const off_t end = hole < 0 ? status.st_size : hole;
    TRY(copy_range(source, target, data, end));
    at = end;
  }
  return {};
}

Status copy_file_metadata(int source, int target, const struct stat& status) {
  // chown clears set-id bits and file capabilities, so mode and attributes come after it; both touch ctime only.
  const bool owned = ::fchown(target, status.st_uid, status.st_gid) == 0;
  if (!owned && owner_failure_is_fatal()) {
    return fail_errno("chown");
  }
  // A set-id bit is a statement about the owner and must not outlive it.
  if (::fchmod(target, status.st_mode & (owned ? 07777U : 01777U)) != 0) {
    return fail_errno("chmod");
  }
  copy_attributes(source, target);
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  if (::futimens(target, times.data()) != 0) {
    return fail_errno("set times");
  }
  return {};
}

Status copy_directory_metadata(int source, int target) {
  struct stat status {};
  if (::fstat(source, &status) != 0) {
    return fail_errno("stat");
  }
  return copy_file_metadata(source, target, status);
}

Status copy_node_metadata(int target_dir, const std::string& name, const struct stat& status) {
  if (::fchownat(target_dir, name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) {
      return {};
    }
    if (owner_failure_is_fatal()) {
      return fail_errno("chown " + name);
    }
  }
  // A new node's mode passed the umask. fchmodat follows symlinks, but this is none, in a directory that is ours alone.
  if (!S_ISLNK(status.st_mode) && ::fchmodat(target_dir, name.c_str(), status.st_mode & 07777, 0) != 0) {
    return fail_errno("chmod " + name);
  }
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  if (::utimensat(target_dir, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno("set times of " + name);
  }
  return {};
}

}  // namespace nucleus::sys
