#include "runtime/sys/masking.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/sys/mount.hpp"

namespace nucleus::sys {
namespace {

Status check_null_device(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    return fail_errno("stat /dev/null");
  }
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
    return fail(ErrorCode::kernel, "/dev/null is not character device 1:3");
  }
  return {};
}

bool is_missing(const Error& error) { return error.sys_errno == ENOENT || error.sys_errno == ENOTDIR; }

}  // namespace

Result<UniqueFd> open_null_device() {
  TRY_ASSIGN(UniqueFd fd, open_at(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW));
  TRY(check_null_device(fd.get()));
  return fd;
}

Result<UniqueFd> make_empty_directory() {
  NewFilesystem tmpfs;
  tmpfs.type = "tmpfs";
  tmpfs.parameters = {{"mode", "0555"}, {"nr_blocks", "1"}, {"nr_inodes", "1"}};
  tmpfs.superblock_readonly = true;
  tmpfs.attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  return make_filesystem(tmpfs);
}

Result<Masker> Masker::make() {
  TRY_ASSIGN(const UniqueFd null_device, open_null_device());
  TRY_ASSIGN(UniqueFd mount, clone_tree(null_device.get(), false));
  TRY(check_null_device(mount.get()));
  return Masker(std::move(mount));
}

Result<bool> Masker::mask(const RootDir& root, const std::string& path) {
  auto target = root.open(path, O_PATH);
  if (!target) {
    return is_missing(target.error()) ? Result<bool>(false) : tl::unexpected<Error>(std::move(target).error());
  }
  struct stat status {};
  if (::fstat(target->get(), &status) != 0) {
    return fail_errno("stat " + path);
  }
  const bool directory = S_ISDIR(status.st_mode);
  UniqueFd& source = directory ? empty_ : null_mount_;
  const bool first = directory ? !empty_ : !null_attached_;
  if (first && directory) {
    TRY_ASSIGN(source, make_empty_directory());
  }
  // The first mount of a kind is attached itself; the others are cloned from it, which all kernels allow for mounts of
  // this namespace.
  if (first) {
    TRY_WITH(attach(source.get(), target->get()), "mask " + path);
    null_attached_ = null_attached_ || !directory;
    return true;
  }
  TRY_ASSIGN(const UniqueFd copy, clone_tree(source.get(), false));
  TRY_WITH(attach(copy.get(), target->get()), "mask " + path);
  return true;
}

Result<bool> make_readonly(const RootDir& root, const std::string& path) {
  const auto target = root.open(path, O_PATH);
  if (!target) {
    return is_missing(target.error()) ? Result<bool>(false) : tl::unexpected<Error>(target.error());
  }
  TRY_ASSIGN(const UniqueFd mount, clone_tree(target->get(), true));
  MountChange readonly;
  readonly.set = MOUNT_ATTR_RDONLY;
  TRY_WITH(change_mount(mount.get(), readonly, true), path);
  TRY_WITH(attach(mount.get(), target->get()), "make read-only " + path);
  return true;
}

}  // namespace nucleus::sys
