#include "runtime/sys/root_attest_node.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "runtime/sys/root_dir.hpp"

namespace nucleus::sys {
namespace {

constexpr std::uint64_t kOneStep = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
constexpr std::size_t kBuffer = 64 * 1024;
constexpr std::size_t kMaxAttribute = 64 * 1024;  // XATTR_SIZE_MAX and XATTR_LIST_MAX
constexpr std::uint64_t kMaxAttributeBytes = std::uint64_t{64}
                                             << 20U;  // kept by one thread; the manifest is bounded too

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// Names are bytes; a terminal must not interpret them.
std::string shown(const std::string& path) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\') {
      out += c;
    } else {
      out.append("\\x").append(1, kHex[byte >> 4U]).append(1, kHex[byte & 0xFU]);
    }
  }
  return out + "\"";
}

tl::unexpected<Error> refuse(const std::string& path, const std::string& why) {
  return fail(ErrorCode::policy, shown(path) + ": " + why);
}

bool same_time(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

SeenNode seen_as(std::string path, const struct stat& status) {
  SeenNode seen;
  seen.node.path = std::move(path);
  seen.node.mode = status.st_mode;
  seen.node.uid = status.st_uid;
  seen.node.gid = status.st_gid;
  seen.node.size = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
  seen.node.rdev = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode) ? status.st_rdev : 0;
  seen.device = status.st_dev;
  seen.inode = status.st_ino;
  seen.changed = status.st_ctim;
  seen.modified = status.st_mtim;
  return seen;
}

bool is_same(const SeenNode& seen, const struct stat& now) {
  const bool same_size = !S_ISREG(now.st_mode) || static_cast<std::uint64_t>(now.st_size) == seen.node.size;
  return seen.device == now.st_dev && seen.inode == now.st_ino && seen.node.mode == now.st_mode && same_size &&
         same_time(seen.changed, now.st_ctim) && same_time(seen.modified, now.st_mtim);
}

// What a directory entry is, without looking at it where the file system says so.
unsigned char type_of(int directory, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) {
    return entry.d_type;
  }
  struct stat status {};
  const bool known = ::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0;
  return known ? static_cast<unsigned char>(IFTODT(status.st_mode)) : static_cast<unsigned char>(DT_UNKNOWN);
}

Status list(int directory, const std::string& path, DirectoryListing& listing) {
  UniqueFd own(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, CloseDir> stream(own ? ::fdopendir(own.get()) : nullptr);
  if (!stream) {
    return tree_error(path, errno);
  }
  static_cast<void>(own.release());  // the stream closes it
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      return errno == 0 ? Status{} : tree_error(path, errno);
    }
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") {
      continue;
    }
    const unsigned char type = type_of(directory, *entry);
    auto& names = type == DT_DIR ? listing.directories : type == DT_REG ? listing.files : listing.others;
    names.emplace_back(name);
  }
}

}  // namespace

tl::unexpected<Error> tree_changed(const std::string& path) { return refuse(path, "changed while the tree was read"); }

tl::unexpected<Error> tree_error(const std::string& path, int err) {
  switch (err) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENXIO:
      return tree_changed(path);
    case EXDEV:
      return refuse(path, "another mount covers it, which cannot be attested");
    case EACCES:
    case EPERM:
      return refuse(path, "user " + std::to_string(::geteuid()) + " may not read it");
    case ENAMETOOLONG:
      return refuse(path, "the path is longer than " + std::to_string(PATH_MAX - 1) + " bytes");
    default:
      return refuse(path, "cannot be read (errno " + std::to_string(err) + ")");
  }
}

NodeReader::NodeReader(const TreeReadOptions& options)
    : options_(options), hash_(options.make_hash()), buffer_(kBuffer), no_atime_(O_NOATIME) {}

// O_NOATIME: what only looks should leave no trace.
Result<UniqueFd> NodeReader::open(int directory, const std::string& name, const std::string& path, int flags) {
  const int look = (flags & O_PATH) != 0 ? 0 : no_atime_;
  auto fd = open_resolved(directory, name, flags | look | O_NOFOLLOW, 0, kOneStep);
  if (!fd && look != 0 && fd.error().sys_errno == EPERM) {
    no_atime_ = 0;
    fd = open_resolved(directory, name, flags | O_NOFOLLOW, 0, kOneStep);
  }
  return fd ? std::move(fd) : tree_error(path, fd.error().sys_errno);
}

Status NodeReader::attributes(const std::string& at, int fd, TreeNode& node) {
  const auto failed = [&] { return errno == ENOTSUP ? Status{} : Status(tree_error(node.path, errno)); };
  std::array<char, kMaxAttribute> names;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
  const ssize_t length =
      fd >= 0 ? ::flistxattr(fd, names.data(), names.size()) : ::listxattr(at.c_str(), names.data(), names.size());
  if (length < 0) {
    return failed();
  }
  for (std::size_t from = 0; from < static_cast<std::size_t>(length);) {
    const std::string name = &names[from];
    from += name.size() + 1;
    if (!options_.wants_xattr(name)) {
      continue;
    }
    const ssize_t size = fd >= 0 ? ::fgetxattr(fd, name.c_str(), buffer_.data(), kMaxAttribute)
                                 : ::getxattr(at.c_str(), name.c_str(), buffer_.data(), kMaxAttribute);
    if (size < 0) {
      return failed();
    }
    attribute_bytes_ += name.size() + static_cast<std::size_t>(size);
    if (attribute_bytes_ > kMaxAttributeBytes) {
      return refuse(node.path, "the tree has too many extended attributes");
    }
    node.xattrs.emplace_back(name, std::string(buffer_.data(), static_cast<std::size_t>(size)));
  }
  std::ranges::sort(node.xattrs);
  return {};
}

Status NodeReader::content(int fd, SeenNode& seen) {
  std::uint64_t total = 0;
  for (;;) {
    const ssize_t got = ::read(fd, buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return tree_error(seen.node.path, errno);
    }
    if (got == 0 || total > seen.node.size) {
      break;
    }
    hash_->update({buffer_.data(), static_cast<std::size_t>(got)});
    total += static_cast<std::uint64_t>(got);
  }
  bytes_ += total;
  seen.node.digest = hash_->finish();
  seen.node.hashed = true;
  struct stat after {};
  const bool steady = ::fstat(fd, &after) == 0 && is_same(seen, after) && total == seen.node.size;
  return steady ? Status{} : tree_changed(seen.node.path);
}

Result<SeenNode> NodeReader::directory(int directory, const std::string& name, const std::string& path, UniqueFd& open,
                                       DirectoryListing& listing) {
  TRY_ASSIGN(open, this->open(directory, name, path, O_RDONLY | O_DIRECTORY));
  struct stat before {};
  struct stat after {};
  if (::fstat(open.get(), &before) != 0) {
    return tree_error(path, errno);
  }
  SeenNode seen = seen_as(path, before);
  TRY(list(open.get(), path, listing));
  TRY(attributes("", open.get(), seen.node));
  if (::fstat(open.get(), &after) != 0 || !is_same(seen, after)) {
    return tree_changed(path);
  }
  return seen;
}

Result<SeenNode> NodeReader::file(int directory, const std::string& name, std::string path) {
  TRY_ASSIGN(const UniqueFd fd, open(directory, name, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return tree_error(path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return tree_changed(path);
  }
  SeenNode seen = seen_as(std::move(path), status);
  TRY(attributes("", fd.get(), seen.node));
  if (options_.wants_content(seen.node.path, seen.node.size)) {
    TRY(content(fd.get(), seen));
  }
  return seen;
}

Result<SeenNode> NodeReader::other(int directory, const std::string& name, std::string path) {
  TRY_ASSIGN(const UniqueFd fd, open(directory, name, path, O_PATH));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return tree_error(path, errno);
  }
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
    return tree_changed(path);
  }
  SeenNode seen = seen_as(std::move(path), status);
  if (S_ISLNK(status.st_mode)) {
    std::array<char, PATH_MAX> text{};
    const ssize_t length = ::readlinkat(fd.get(), "", text.data(), text.size());
    if (length < 0) {
      return tree_error(seen.node.path, errno);
    }
    seen.node.target.assign(text.data(), static_cast<std::size_t>(length));
  }
  TRY(attributes("/proc/self/fd/" + std::to_string(fd.get()), -1, seen.node));
  return seen;
}

bool is_unchanged(int root, const SeenNode& seen) {
  struct stat now {};
  return ::fstatat(root, seen.node.path.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 && is_same(seen, now);
}

}  // namespace nucleus::sys
