#include "runtime/base/io.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace nucleus {
namespace {

// A new file under `name`; what waits there (left by a runtime that was killed, or put there by somebody who guessed
// the name: a link, a FIFO) is removed and never opened.
Result<UniqueFd> create_anew(int dirfd, const std::string& name, unsigned mode) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  auto fd = open_at(dirfd, name, kFlags, mode);
  if (!fd && fd.error().sys_errno == EEXIST && ::unlinkat(dirfd, name.c_str(), 0) == 0) {
    return open_at(dirfd, name, kFlags, mode);
  }
  return fd;
}

}  // namespace

Result<UniqueFd> open_at(int dirfd, const std::string& path, int flags, unsigned mode) {
  const int fd = ::openat(dirfd, path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) {
    return fail_errno("open " + path);
  }
  return UniqueFd(fd);
}

Result<std::string> read_all(int fd, std::size_t limit, std::string_view what) {
  constexpr std::size_t kFirstRead = 16 * 1024;
  std::string bytes;
  std::size_t used = 0;
  for (;;) {
    if (used > limit) {
      return fail(ErrorCode::invalid_config, std::string(what) + ": larger than " + std::to_string(limit) + " bytes");
    }
    if (used == bytes.size()) {
      bytes.resize(used == 0 ? kFirstRead : used * 2);
    }
    const ssize_t got = ::read(fd, bytes.data() + used, bytes.size() - used);
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return fail_errno("read " + std::string(what));
    }
    if (got == 0) {
      bytes.resize(used);
      return bytes;
    }
    used += static_cast<std::size_t>(got);
  }
}

Result<std::string> read_file(int dirfd, const std::string& path, std::size_t limit) {
  TRY_ASSIGN(UniqueFd fd, open_at(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) {
    return fail_errno("stat " + path);
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::invalid_config, path + ": not a regular file");
  }
  return read_all(fd.get(), limit, path);
}

Status write_all(int fd, std::string_view bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0) {
      if (errno == EINTR) {
        continue;
      }
      return fail_errno("write " + std::string(what));
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Status replace_file(int dirfd, const std::string& name, std::string_view bytes, unsigned mode, bool durable) {
  const std::string temporary = "." + name + "." + std::to_string(::getpid()) + ".tmp";
  TRY_ASSIGN(UniqueFd fd, create_anew(dirfd, temporary, mode));
  Status done = write_all(fd.get(), bytes, name);
  if (done && durable && ::fdatasync(fd.get()) != 0) {
    done = fail_errno("sync " + name);
  }
  if (done && ::renameat(dirfd, temporary.c_str(), dirfd, name.c_str()) != 0) {
    done = fail_errno("rename " + name);
  }
  if (!done) {
    ::unlinkat(dirfd, temporary.c_str(), 0);
  }
  return done;
}

}  // namespace nucleus
