#include "runtime/sys/procfs.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/sys/mount.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::sys {
namespace {

constexpr ino_t kProcRootInode = 1;  // PROC_ROOT_INO, include/linux/proc_ns.h

Status check_on_procfs(int fd, std::string_view what) {
  struct statfs status {};
  if (::fstatfs(fd, &status) != 0) {
    return fail_errno("statfs " + std::string(what));
  }
  if (status.f_type != PROC_SUPER_MAGIC) {
    return fail(ErrorCode::kernel, std::string(what) + ": is not on a proc file system");
  }
  return {};
}

Result<UniqueFd> private_procfs() {
  NewFilesystem proc;
  proc.type = "proc";
  proc.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  auto mounted = make_filesystem(proc);
  // A clone without the mounts below it has nothing mounted over it either.
  return mounted ? std::move(mounted) : clone_tree_at("/proc", false);
}

}  // namespace

Result<ProcHandle> ProcHandle::open() {
  auto mounted = private_procfs();
  if (mounted) {
    return adopt(std::move(*mounted));
  }
  TRY_ASSIGN(UniqueFd fd, open_at(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW));
  return adopt(std::move(fd));
}

Result<ProcHandle> ProcHandle::adopt(UniqueFd fd) {
  TRY(check_on_procfs(fd.get(), "/proc"));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return fail_errno("stat /proc");
  }
  if (status.st_ino != kProcRootInode || !S_ISDIR(status.st_mode)) {
    return fail(ErrorCode::kernel, "/proc: is not the root of a proc file system");
  }
  return ProcHandle(std::move(fd));
}

Result<UniqueFd> ProcHandle::open(const std::string& path, int flags) const {
  TRY_ASSIGN(UniqueFd fd,
             open_resolved(fd_.get(), path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS));
  TRY(check_on_procfs(fd.get(), path));
  return fd;
}

Result<std::string> ProcHandle::read(const std::string& path, std::size_t limit) const {
  TRY_ASSIGN(const UniqueFd fd, open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  return read_all(fd.get(), limit, path);
}

Status ProcHandle::write(const std::string& path, std::string_view bytes) const {
  TRY_ASSIGN(const UniqueFd fd, open(path, O_WRONLY | O_NOCTTY));
  ssize_t put = 0;
  do {
    put = ::write(fd.get(), bytes.data(), bytes.size());
  } while (put < 0 && errno == EINTR);
  if (put < 0) {
    return fail_errno("write " + path);
  }
  if (static_cast<std::size_t>(put) != bytes.size()) {
    return fail_errno("write " + path + " in one piece", EIO);
  }
  return {};
}

Result<std::string> sysctl_path(std::string_view name) {
  const auto first = name.find_first_of("./");
  const char separator = first == std::string_view::npos ? '/' : name[first];
  std::string path = "sys";
  std::string_view rest = name;
  for (;;) {
    const auto end = rest.find(separator);
    std::string part(rest.substr(0, end));
    if (separator == '.') {
      for (char& c : part) {
        c = c == '/' ? '.' : c;
      }
    }
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos) {
      return fail(ErrorCode::invalid_config, "sysctl \"" + std::string(name) + "\": malformed name");
    }
    path += '/' + part;
    if (end == std::string_view::npos) {
      return path;
    }
    rest.remove_prefix(end + 1);
  }
}

Status write_sysctl(const ProcHandle& proc, std::string_view name, std::string_view value) {
  TRY_ASSIGN(const std::string path, sysctl_path(name));
  TRY_WITH(proc.write(path, value), "sysctl " + std::string(name));
  return {};
}

}  // namespace nucleus::sys
