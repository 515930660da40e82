#include "runtime/state/store.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>

#include "runtime/base/io.hpp"

namespace nucleus::state {
namespace {

constexpr const char* kRecordFile = "state.json";
constexpr std::size_t kLargestFile = 16 * 1024 * 1024;
constexpr mode_t kDirectoryMode = 0711;  // ids of a user namespace must be able to pass, not to look

using DirStream = std::unique_ptr<DIR, int (*)(DIR*)>;

DirStream open_stream(int dirfd) {
  const int fd = ::openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return {fd < 0 ? nullptr : ::fdopendir(fd), ::closedir};
}

std::vector<std::string> names_in(int dirfd) {
  std::vector<std::string> names;
  if (const DirStream stream = open_stream(dirfd)) {
    while (const dirent* entry = ::readdir(stream.get())) {
      names.emplace_back(entry->d_name);
    }
  }
  return names;
}

// Best effort: what stays makes the rmdir(2) after it fail. Follows no links.
void empty_directory(int dirfd) {
  for (const auto& name : names_in(dirfd)) {
    if (name == "." || name == ".." || ::unlinkat(dirfd, name.c_str(), 0) == 0) {
      continue;
    }
    const UniqueFd below(::openat(dirfd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (below) {
      empty_directory(below.get());
      ::unlinkat(dirfd, name.c_str(), AT_REMOVEDIR);
    }
  }
}

Status lock(int fd, const std::string& path) {
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) {
      return fail_errno("lock " + path);
    }
  }
  return {};
}

// flock(2) knows no time limit.
Status lock_within(int fd, const std::string& path, std::chrono::milliseconds limit) {
  constexpr timespec kPause{0, 10'000'000};
  const auto end = std::chrono::steady_clock::now() + limit;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return fail_errno("lock " + path);
    }
    if (std::chrono::steady_clock::now() >= end) {
      return fail(ErrorCode::state,
                  "container " + path.substr(path.rfind('/') + 1) + " is busy: another command has not ended with it");
    }
    ::nanosleep(&kPause, nullptr);
  }
  return {};
}

// After waiting for a lock the directory may have been removed by the one who held it.
bool still_linked(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && info.st_nlink > 0;
}

// What a record says is done as root: kill, remove, run hooks. So nobody else may have written it.
Status check_trust(int fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    return fail_errno("stat " + path);
  }
  if ((info.st_uid != 0 && info.st_uid != ::geteuid()) || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(ErrorCode::state, "state directory " + path + ": others than root and user " +
                                      std::to_string(::geteuid()) + " can write it");
  }
  return {};
}

// Who may rename in the root can pass one container's directory off as another's: others that may write, or its owner.
Status check_root(const std::string& root) {
  struct stat info {};
  if (::stat(root.c_str(), &info) != 0) {
    return {};
  }
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return fail(ErrorCode::state, "state root " + root + ": belongs to user " + std::to_string(info.st_uid) +
                                      ", not to root or user " + std::to_string(::geteuid()));
  }
  const bool writable = (info.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (info.st_mode & S_ISVTX) == 0;
  return writable ? fail(ErrorCode::state, "state root " + root + ": others can write it") : Status{};
}

// Of exactly kDirectoryMode, whatever the caller's umask.
Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), kDirectoryMode) != 0 || ::chmod(path.c_str(), kDirectoryMode) != 0) {
    return fail_errno("create directory " + path);
  }
  return {};
}

Status make_root(const std::string& root) {
  for (std::size_t slash = root.find('/', 1);; slash = root.find('/', slash + 1)) {
    const std::string part = root.substr(0, slash);
    if (!part.empty()) {
      if (auto made = make_directory(part); !made && made.error().sys_errno != EEXIST) {
        return tl::unexpected<Error>(std::move(made).error().with("state root"));
      }
    }
    if (slash == std::string::npos) {
      return {};
    }
  }
}

tl::unexpected<Error> missing() { return fail(ErrorCode::not_found, "container does not exist"); }

}  // namespace

Result<Record> Directory::load() const {
  auto text = read(kRecordFile);
  if (!text) {
    if (text.error().sys_errno == ENOENT) {
      return missing();
    }
    return tl::unexpected<Error>(text.error());
  }
  return parse_record(*text, path_ + "/" + kRecordFile);
}

Status Directory::save(const Record& record, bool durable) const {
  TRY_WITH(replace_file(dir_.get(), kRecordFile, to_json(record), 0600, durable), "state directory " + path_);
  return {};
}

Result<std::string> Directory::read(const std::string& file) const { return read_file(dir_.get(), file, kLargestFile); }

Status Directory::write(const std::string& file, std::string_view bytes) const {
  TRY_WITH(replace_file(dir_.get(), file, bytes, 0600, false), "state directory " + path_);
  return {};
}

bool Directory::has(const std::string& file) const {
  return ::faccessat(dir_.get(), file.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void Directory::remove(const std::string& file) const { ::unlinkat(dir_.get(), file.c_str(), 0); }

void Directory::unlock() const { ::flock(dir_.get(), LOCK_UN); }

Result<Directory> Store::create(const ContainerId& id) const {
  TRY(make_root(root_));
  TRY(check_root(root_));
  const std::string path = root_ + "/" + id.str();
  if (auto made = make_directory(path); !made) {
    if (made.error().sys_errno == EEXIST) {
      return fail(ErrorCode::exists, "container with given ID already exists");
    }
    return tl::unexpected<Error>(std::move(made).error().with("state"));
  }
  return open(id);
}

Result<Directory> Store::open(const ContainerId& id, std::optional<std::chrono::milliseconds> limit) const {
  TRY_ASSIGN(auto directory, open_directory(id));
  TRY(limit ? lock_within(directory.fd(), directory.path(), *limit) : lock(directory.fd(), directory.path()));
  return still_linked(directory.fd()) ? Result<Directory>(std::move(directory)) : missing();
}

Result<Directory> Store::peek(const ContainerId& id) const { return open_directory(id); }

Result<Directory> Store::open_directory(const ContainerId& id) const {
  const std::string path = root_ + "/" + id.str();
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) {
    return errno == ENOENT || errno == ENOTDIR ? missing() : fail_errno("open state directory " + path);
  }
  TRY(check_root(root_));
  TRY(check_trust(fd.get(), path));
  return Directory(std::move(fd), path);
}

Status Store::destroy(const ContainerId& id, Directory directory) const {
  empty_directory(directory.fd());
  const std::string path = root_ + "/" + id.str();
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) {
    return fail_errno("remove state directory " + path);
  }
  return {};
}

Result<std::vector<ContainerId>> Store::list() const {
  std::vector<ContainerId> ids;
  const UniqueFd root(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) {
    return errno == ENOENT ? Result<std::vector<ContainerId>>(ids) : fail_errno("open state root " + root_);
  }
  auto names = names_in(root.get());
  std::sort(names.begin(), names.end());
  for (const auto& name : names) {
    struct stat info {};
    auto id = ContainerId::parse(name);
    if (id && ::fstatat(root.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode)) {
      ids.push_back(std::move(*id));
    }
  }
  return ids;
}

}  // namespace nucleus::state
