#include "runtime/sys/root_dir.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

#include "runtime/base/io.hpp"
#include "runtime/sys/root_walk.hpp"

namespace nucleus::sys {
namespace {

constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

std::string in_root(std::string_view path) { return path.empty() ? std::string("/") : std::string(path); }

}  // namespace

Result<UniqueFd> open_resolved(int dirfd, const std::string& path, int flags, unsigned mode, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = resolve;
  // A rename or mount anywhere on the machine can make the kernel unsure (openat2(2), EAGAIN). A hostile one can keep
  // doing so, hence the bound.
  constexpr int kAttempts = 128;
  for (int attempt = 0;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, dirfd, path.c_str(), &how, sizeof(how));
    if (fd >= 0) {
      return UniqueFd(static_cast<int>(fd));
    }
    if (errno == EINTR || (errno == EAGAIN && attempt < kAttempts)) {
      continue;
    }
    return fail_errno("open " + path);
  }
}

std::string path_for_messages(int fd) {
  std::array<char, PATH_MAX> buffer{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), buffer.data(), buffer.size());
  return length < 0 ? link : std::string(buffer.data(), static_cast<std::size_t>(length));
}

Result<RootDir> RootDir::open_host(const std::string& path) {
  TRY_ASSIGN(UniqueFd fd, open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY));
  return RootDir(std::move(fd));
}

Result<RootDir> RootDir::adopt(UniqueFd fd) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return fail_errno("stat root directory");
  }
  if (!S_ISDIR(status.st_mode)) {
    return fail_errno("root directory", ENOTDIR);
  }
  return RootDir(std::move(fd));
}

Result<UniqueFd> RootDir::open(std::string_view path, int flags, unsigned mode) const {
  return open_resolved(fd_.get(), in_root(path), flags, mode, kInRoot);
}

Result<UniqueFd> RootDir::make_directories(std::string_view path, unsigned mode) const {
  auto existing = open(path, O_PATH | O_DIRECTORY);
  if (existing || existing.error().sys_errno != ENOENT) {
    return existing;
  }
  TRY_ASSIGN(RootWalk walk, RootWalk::start(fd_.get(), mode));
  TRY_WITH(walk.make_directories(path), "create directory " + std::string(path));
  return std::move(walk).take_directory();
}

Result<UniqueFd> RootDir::create_file(std::string_view path, unsigned mode) const {
  // The kernel's own lookup first: it also is the judge of magic links and loops.
  auto existing = open(path, O_PATH);
  if (existing) {
    struct stat status {};
    const bool directory = ::fstat(existing->get(), &status) != 0 || S_ISDIR(status.st_mode);
    return directory ? fail_errno("create file " + std::string(path), EISDIR) : std::move(existing);
  }
  if (existing.error().sys_errno != ENOENT) {
    return existing;
  }
  constexpr unsigned kParentMode = 0755;
  TRY_ASSIGN(RootWalk walk, RootWalk::start(fd_.get(), kParentMode));
  auto file = walk.make_file(path, mode);
  if (!file) {
    return tl::unexpected<Error>(std::move(file).error().with("create file " + std::string(path)));
  }
  return file;
}

Result<RootDir::Parent> RootDir::open_parent(std::string_view path, bool make_parents) const {
  auto parts = split_path(path);
  if (parts.empty() || parts.back() == "." || parts.back() == "..") {
    return fail_errno("no name in path \"" + std::string(path) + "\"", EINVAL);
  }
  const std::string name = std::move(parts.back());
  parts.pop_back();
  std::string above;
  for (const auto& part : parts) {
    above += '/' + part;
  }
  TRY_ASSIGN(UniqueFd dir, make_parents ? make_directories(above) : open(above, O_PATH | O_DIRECTORY));
  return Parent{std::move(dir), name};
}

}  // namespace nucleus::sys
