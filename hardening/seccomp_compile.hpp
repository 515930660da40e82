// Profiles into the classic BPF program that the kernel loads. Pure: nothing is installed here, and the child never
// runs any of this.
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

#include "oci/spec_linux.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

struct CompiledFilter {
  std::vector<sock_filter> code;
  // SECCOMP_FILTER_FLAG_* for seccomp(2), including NEW_LISTENER when uses_notify. TSYNC is left out: the filter is
  // installed by a process with a single thread, and TSYNC excludes NEW_LISTENER.
  unsigned flags = 0;
  bool uses_notify = false;                // some verdict is SECCOMP_RET_USER_NOTIF
  std::vector<std::string> unknown_names;  // ignored, as runc does; sorted
};

// For hardened profiles: x86_64 only, microseconds. A foreign architecture is killed (SECCOMP_RET_KILL_PROCESS), an x32
// number gets ENOSYS or the default verdict where that is stricter. `architectures` is not looked at.
[[nodiscard]] Result<CompiledFilter> compile_native(const oci::Seccomp& profile);

// For passthrough: the whole OCI model with foreign architectures, by libseccomp (seccomp_export_bpf(3)); milliseconds
// for an engine's profile. Rules with the default's verdict are skipped and unknown names ignored, as runc does.
[[nodiscard]] Result<CompiledFilter> compile_with_libseccomp(const oci::Seccomp& profile);

}  // namespace nucleus::hardening
