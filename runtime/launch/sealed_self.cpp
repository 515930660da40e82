#include "runtime/launch/sealed_self.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/sys/mount.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kReadonly = 0x1;  // MOUNT_ATTR_RDONLY
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

// On a read-only mount, or a sealed memory file.
Result<bool> is_sealed(int self) {
  struct statvfs info {};
  if (::fstatvfs(self, &info) != 0) {
    return fail_errno("statvfs /proc/self/exe");
  }
  if ((info.f_flag & ST_RDONLY) != 0) {
    return true;
  }
  const int seals = ::fcntl(self, F_GET_SEALS);
  return seals >= 0 && (seals & kSeals) == kSeals;
}

Result<UniqueFd> readonly_clone(int self) {
  TRY_ASSIGN(UniqueFd clone, sys::clone_tree(self, false));
  sys::MountChange change;
  change.set = kReadonly;
  TRY(sys::change_mount(clone.get(), change, false));
  return clone;
}

// Without the right to clone mounts (rootless).
Result<UniqueFd> sealed_copy(int self) {
  UniqueFd copy(::memfd_create("nucleus-oci", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  struct stat info {};
  if (!copy || ::fstat(self, &info) != 0) {
    return fail_errno("copy of the runtime");
  }
  for (off_t done = 0; done < info.st_size;) {
    if (::sendfile(copy.get(), self, &done, static_cast<std::size_t>(info.st_size - done)) <= 0) {
      return fail_errno("copy of the runtime");
    }
  }
  if (::fcntl(copy.get(), F_ADD_SEALS, kSeals) != 0) {
    return fail_errno("seal the copy of the runtime");
  }
  return copy;
}

}  // namespace

Status ensure_sealed_self(char** argv) {
  TRY_ASSIGN(const UniqueFd self, open_at(AT_FDCWD, "/proc/self/exe", O_RDONLY));
  TRY_ASSIGN(const bool sealed, is_sealed(self.get()));
  if (sealed) {
    return {};
  }
  auto clone = readonly_clone(self.get());
  if (!clone) {
    TRY_ASSIGN(clone, sealed_copy(self.get()));
  }
  ::fexecve(clone->get(), argv, environ);
  return fail_errno("re-execute the runtime from a read-only copy");
}

}  // namespace nucleus::launch
