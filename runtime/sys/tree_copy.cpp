#include "runtime/sys/tree_copy.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <map>
#include <memory>
#include <utility>

#include "runtime/base/io.hpp"
#include "runtime/sys/file_copy.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::sys {
namespace {

// One component, no links, no other mount: EXDEV is a mount point, which counts as empty.
constexpr std::uint64_t kOneStep = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

class TreeCopy {
 public:
  explicit TreeCopy(int target) : target_root_(target) {}

  Status directory(int source, int target, const std::string& path);
  [[nodiscard]] const TreeCopyStats& stats() const { return stats_; }

 private:
  Status entry(int source, int target, const std::string& name, const std::string& path);
  Status subdirectory(int source, int target, const std::string& name, const std::string& path, mode_t mode);
  Status regular(int source, int target, const std::string& name, const struct stat& status);
  Status symlink(int source, int target, const std::string& name);
  Status special(int target, const std::string& name, const struct stat& status);
  Result<bool> link_to_earlier(int target, const std::string& name, const std::string& path, const struct stat& status);

  int target_root_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // first copy of files with several names
  TreeCopyStats stats_;
};

Status TreeCopy::directory(int source, int target, const std::string& path) {
  UniqueFd listing(::openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::unique_ptr<DIR, CloseDir> dir(listing ? ::fdopendir(listing.get()) : nullptr);
  if (!dir) {
    return fail_errno("list " + path);
  }
  static_cast<void>(listing.release());  // the stream closes it
  for (;;) {
    errno = 0;
    const dirent* entry_ = ::readdir(dir.get());
    if (entry_ == nullptr) {
      break;
    }
    const std::string name = entry_->d_name;
    if (name != "." && name != "..") {
      std::string below = path;
      below.append(path.empty() ? "" : "/").append(name);
      TRY(entry(source, target, name, below));
    }
  }
  if (errno != 0) {
    return fail_errno("list " + path);
  }
  return copy_directory_metadata(source, target);
}

Result<bool> TreeCopy::link_to_earlier(int target, const std::string& name, const std::string& path,
                                       const struct stat& status) {
  if (status.st_nlink < 2) {
    return false;
  }
  const auto [first, is_new] = linked_.try_emplace({status.st_dev, status.st_ino}, path);
  if (is_new) {
    return false;
  }
  // The path consists of directories made by this copy, in a file system nobody else has yet.
  if (::linkat(target_root_, first->second.c_str(), target, name.c_str(), 0) != 0) {
    if (errno != ENOENT) {
      return fail_errno("link " + path);
    }
    ++stats_.skipped;  // the first one was a device that could not be made
  }
  return true;
}

Status TreeCopy::entry(int source, int target, const std::string& name, const std::string& path) {
  struct stat status {};
  if (::fstatat(source, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Status{} : fail_errno("stat " + path);
  }
  if (S_ISDIR(status.st_mode)) {
    return subdirectory(source, target, name, path, status.st_mode & 07777);
  }
  TRY_ASSIGN(const bool linked, link_to_earlier(target, name, path, status));
  if (linked) {
    return {};
  }
  ++stats_.files;
  if (S_ISREG(status.st_mode)) {
    TRY_WITH(regular(source, target, name, status), "copy " + path);
    return {};
  }
  if (S_ISLNK(status.st_mode)) {
    TRY_WITH(symlink(source, target, name), "copy " + path);
  } else {
    TRY_WITH(special(target, name, status), "copy " + path);
  }
  return copy_node_metadata(target, name, status);
}

Status TreeCopy::subdirectory(int source, int target, const std::string& name, const std::string& path, mode_t mode) {
  if (::mkdirat(target, name.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno("mkdir " + path);
  }
  TRY_ASSIGN(const UniqueFd to, open_resolved(target, name, O_RDONLY | O_DIRECTORY, 0, kOneStep));
  const auto from = open_resolved(source, name, O_RDONLY | O_DIRECTORY, 0, kOneStep);
  if (!from && from.error().sys_errno == EXDEV) {
    return ::fchmod(to.get(), mode) == 0 ? Status{} : fail_errno("chmod " + path);
  }
  if (!from) {
    return tl::unexpected<Error>(from.error());
  }
  return directory(from->get(), to.get(), path);
}

Status TreeCopy::regular(int source, int target, const std::string& name, const struct stat& status) {
  const auto from = open_resolved(source, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, kOneStep);
  if (!from && from.error().sys_errno != EXDEV) {
    return tl::unexpected<Error>(from.error());
  }
  TRY_ASSIGN(const UniqueFd to, open_at(target, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (!from) {
    return {};
  }
  TRY(copy_file_data(from->get(), to.get(), status));
  stats_.bytes += static_cast<std::uint64_t>(status.st_size);
  return copy_file_metadata(from->get(), to.get(), status);
}

Status TreeCopy::symlink(int source, int target, const std::string& name) {
  std::array<char, PATH_MAX> text{};
  const ssize_t length = ::readlinkat(source, name.c_str(), text.data(), text.size() - 1);
  if (length < 0) {
    return fail_errno("readlink");
  }
  return ::symlinkat(text.data(), target, name.c_str()) == 0 ? Status{} : fail_errno("symlink");
}

Status TreeCopy::special(int target, const std::string& name, const struct stat& status) {
  if (::mknodat(target, name.c_str(), status.st_mode, status.st_rdev) == 0) {
    return {};
  }
  if (errno != EPERM) {
    return fail_errno("mknod");
  }
  ++stats_.skipped;
  return {};
}

}  // namespace

Result<TreeCopyStats> copy_tree(int source, int target) {
  TRY_ASSIGN(const UniqueFd from, open_at(source, ".", O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(const UniqueFd to, open_at(target, ".", O_RDONLY | O_DIRECTORY));
  TreeCopy copy(to.get());
  TRY(copy.directory(from.get(), to.get(), ""));
  return copy.stats();
}

}  // namespace nucleus::sys
