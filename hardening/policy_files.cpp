#include "hardening/policy_files.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "runtime/base/io.hpp"
#include "runtime/base/user_namespace.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::size_t kLimit = 4 * 1024 * 1024;

tl::unexpected<Error> refuse(const std::string& shown, const std::string& why) {
  return fail(ErrorCode::invalid_config, shown + ": " + why);
}

tl::unexpected<Error> cannot_open(const std::string& shown, int err) {
  const std::string uid = std::to_string(::geteuid());
  return refuse(shown, err == EACCES || err == EPERM ? "user " + uid + " may not read it"
                                                     : "cannot be opened (errno " + std::to_string(err) + ")");
}

bool is_absent(const Error& error) { return error.sys_errno == ENOENT || error.sys_errno == ENOTDIR; }

// Only the host's root puts files and links there. ".." would lead elsewhere.
bool is_host_place(const std::string& path) {
  const bool below = path.starts_with("/etc/nucleus/") || path.starts_with("/usr/share/nucleus/");
  return below && (path + "/").find("/../") == std::string::npos;
}

// What the owner of the kernel's own files, the host's root, is called here; nullopt when nothing can tell.
std::optional<uid_t> name_of_hosts_root() {
  const auto fd = open_at(AT_FDCWD, "/proc/sys/kernel/overflowuid", O_PATH | O_NOFOLLOW);
  struct statfs place {};
  struct stat info {};
  const bool known =
      fd && ::fstatfs(fd->get(), &place) == 0 && place.f_type == PROC_SUPER_MAGIC && ::fstat(fd->get(), &info) == 0;
  return known ? std::optional(info.st_uid) : std::nullopt;
}

// Its files belong to the overflow id, like those of everybody else outside. A user of the namespace may bear the same
// number, but what is theirs the namespace's root may write. A file system that is read-only for all cannot tell that.
bool may_be_hosts_root(int fd, const struct stat& info, const std::string& path) {
  if (!is_host_place(path) || !in_user_namespace() || name_of_hosts_root() != info.st_uid) {
    return false;
  }
  return ::faccessat(fd, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) != 0 && (errno == EACCES || errno == EROFS);
}

// Asked of the descriptor, so that the answer is about the bytes that are read.
Status check_trust(int fd, mode_t type, const std::string& shown, bool secret = false) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    return refuse(shown, "fstat failed (errno " + std::to_string(errno) + ")");
  }
  if ((info.st_mode & S_IFMT) != type) {
    return refuse(shown, type == S_IFDIR ? "is not a directory" : "is not a regular file");
  }
  if (info.st_uid != 0 && info.st_uid != ::geteuid() && !may_be_hosts_root(fd, info, shown)) {
    return refuse(shown, "is owned by user " + std::to_string(info.st_uid) + ", not by root or user " +
                             std::to_string(::geteuid()));
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return refuse(shown, "can be written by its group or by others");
  }
  if (secret && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return refuse(shown, "holds a secret and can be read or executed by its group or by others (chmod 600)");
  }
  return {};
}

Result<std::optional<std::string>> read_trusted(int directory, const std::string& name, const std::string& shown,
                                                std::size_t limit, bool secret) {
  // Looked at first: to open a device can have effects (watchdogs), and annotations name files as well.
  const auto look = open_at(directory, name, O_PATH);
  if (look) {
    TRY(check_trust(look->get(), S_IFREG, shown, secret));
  }
  auto fd = open_at(directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) {
    if (is_absent(fd.error())) {
      return std::nullopt;
    }
    return cannot_open(shown, fd.error().sys_errno);
  }
  TRY(check_trust(fd->get(), S_IFREG, shown, secret));
  TRY_ASSIGN(std::string bytes, read_all(fd->get(), limit, shown));
  return std::optional<std::string>(std::move(bytes));
}

}  // namespace

Result<std::optional<UniqueFd>> open_policy_directory(const std::string& path) {
  auto fd = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!fd) {
    if (is_absent(fd.error())) {
      return std::nullopt;
    }
    return cannot_open(path, fd.error().sys_errno);
  }
  TRY(check_trust(fd->get(), S_IFDIR, path));
  return std::optional<UniqueFd>(std::move(*fd));
}

Result<std::optional<std::string>> read_policy_file(int directory, const std::string& name, const std::string& shown) {
  return read_trusted(directory, name, shown, kLimit, false);
}

Result<std::optional<std::string>> read_policy_file(int directory, const std::string& name, const std::string& shown,
                                                    std::size_t limit) {
  return read_trusted(directory, name, shown, limit, false);
}

Result<std::optional<std::string>> read_secret_file(const std::string& path) {
  return read_trusted(AT_FDCWD, path, path, kLimit, true);
}

}  // namespace nucleus::hardening
