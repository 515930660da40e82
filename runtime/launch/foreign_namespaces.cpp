#include "runtime/launch/foreign_namespaces.hpp"

#include <cerrno>

#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::launch {

Result<std::uint64_t> foreign_namespaces(int pid) {
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  std::uint64_t flags = 0;
  for (const auto& kind : sys::namespace_kinds()) {
    const auto fd = sys::open_namespace_of(proc, pid, kind);
    if (!fd && fd.error().sys_errno == ENOENT && sys::process_stat(pid)) {
      continue;  // a kernel without this kind; anything else must not leave the process outside
    }
    if (!fd) {
      return tl::unexpected<Error>(fd.error());
    }
    TRY_ASSIGN(const auto theirs, sys::namespace_id(fd->get()));
    TRY_ASSIGN(const auto own, sys::own_namespace_id(kind));
    flags |= theirs == own ? 0 : kind.clone_flag;
  }
  return flags;
}

}  // namespace nucleus::launch
