#include "runtime/sys/device.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

#include "runtime/base/io.hpp"
#include "runtime/sys/mount.hpp"

namespace nucleus::sys {
namespace {

Result<mode_t> type_bits(const DeviceNode& node) {
  switch (node.type) {
    case 'c':
    case 'u':
      return S_IFCHR;
    case 'b':
      return S_IFBLK;
    case 'p':
      return S_IFIFO;
    default:
      return fail(ErrorCode::invalid_config, std::string("unknown device type ") + node.type);
  }
}

dev_t number_of(const DeviceNode& node) { return node.type == 'p' ? 0 : makedev(node.major, node.minor); }

Status check_same_device(int fd, const std::string& path, mode_t type, const DeviceNode& node) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    return fail_errno("stat " + path);
  }
  const bool same_number = node.type == 'p' || status.st_rdev == number_of(node);
  return (status.st_mode & S_IFMT) == type && same_number ? Status{} : fail_errno(path + ": another node", EEXIST);
}

// Owner first: chown clears set-id bits that a mode might hold.
Status set_owner_and_mode(int dir, const std::string& name, const DeviceNode& node) {
  if (::fchownat(dir, name.c_str(), node.uid, node.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno("chown device " + name);
  }
  TRY_ASSIGN(const UniqueFd fd, open_at(dir, name, O_PATH | O_NOFOLLOW));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || S_ISLNK(status.st_mode)) {
    return fail_errno("device " + name, ELOOP);
  }
  if ((status.st_mode & 07777) == (node.mode & 07777)) {
    return {};
  }
  // fchmod refuses O_PATH descriptors; the link names the very inode that was opened.
  if (::chmod(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), node.mode & 07777) != 0) {
    return fail_errno("chmod device " + name);
  }
  return {};
}

Status bind_host_node(const RootDir& root, const std::string& path, mode_t type, const DeviceNode& node) {
  TRY_ASSIGN(const UniqueFd host, open_at(AT_FDCWD, path, O_PATH | O_NOFOLLOW));
  TRY(check_same_device(host.get(), path, type, node));
  TRY_ASSIGN(const UniqueFd mount, clone_tree(host.get(), false));
  TRY(check_same_device(mount.get(), path, type, node));
  TRY_ASSIGN(const UniqueFd target, root.create_file(path, 0600));
  return attach(mount.get(), target.get());
}

}  // namespace

Result<DeviceOrigin> make_device(const RootDir& root, const std::string& path, const DeviceNode& node) {
  TRY_ASSIGN(const mode_t type, type_bits(node));
  TRY_ASSIGN(const RootDir::Parent parent, root.open_parent(path, true));
  const mode_t mode = type | (node.mode & 07777);
  if (::mknodat(parent.dir.get(), parent.name.c_str(), mode, number_of(node)) == 0) {
    TRY(set_owner_and_mode(parent.dir.get(), parent.name, node));
    return DeviceOrigin::made;
  }
  if (errno == EPERM) {
    TRY_WITH(bind_host_node(root, path, type, node), "bind device " + path);
    return DeviceOrigin::bound;
  }
  if (errno != EEXIST) {
    return fail_errno("mknod " + path);
  }
  TRY_ASSIGN(const UniqueFd existing, open_at(parent.dir.get(), parent.name, O_PATH | O_NOFOLLOW));
  TRY(check_same_device(existing.get(), path, type, node));
  TRY(set_owner_and_mode(parent.dir.get(), parent.name, node));
  return DeviceOrigin::existing;
}

Status make_symlink(const RootDir& root, const std::string& target, const std::string& path) {
  TRY_ASSIGN(const RootDir::Parent parent, root.open_parent(path, true));
  if (::symlinkat(target.c_str(), parent.dir.get(), parent.name.c_str()) == 0) {
    return {};
  }
  if (errno != EEXIST) {
    return fail_errno("symlink " + path);
  }
  std::array<char, PATH_MAX> found{};
  const ssize_t length = ::readlinkat(parent.dir.get(), parent.name.c_str(), found.data(), found.size());
  const bool same = length >= 0 && std::string_view(found.data(), static_cast<std::size_t>(length)) == target;
  return same ? Status{} : fail_errno("symlink " + path, EEXIST);
}

}  // namespace nucleus::sys
