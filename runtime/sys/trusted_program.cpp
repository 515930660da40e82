#include "runtime/sys/trusted_program.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/base/io.hpp"

namespace nucleus::sys {

Result<UniqueFd> open_trusted_program(const std::string& path) {
  TRY_ASSIGN(UniqueFd found, open_at(AT_FDCWD, path, O_PATH));
  struct stat info {};
  if (::fstat(found.get(), &info) != 0) {
    return fail_errno("stat " + path);
  }
  if (!S_ISREG(info.st_mode) || (info.st_mode & S_IXUSR) == 0) {
    return fail(ErrorCode::kernel, path + ": is no executable file");
  }
  if (info.st_uid != 0 || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(ErrorCode::kernel, path + ": must be a file of root's that nobody else can write");
  }
  return found;
}

}  // namespace nucleus::sys
