// A profile from what programs did.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hardening/trace_record.hpp"
#include "oci/spec_linux.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

struct Generated {
  oci::Seccomp profile;
  std::vector<std::string> added;  // allowed though no trace has them: what starting a program takes
  std::vector<std::string> notes;  // what a reader must know: traces cut short, calls without a name
};

// Allows the calls of the traces, those with arguments only with these arguments, and what the runtime and the kernel
// need themselves: execve, and should it fail sendmsg (to say so) and exit_group; rt_sigreturn and restart_syscall, which
// the kernel makes a program call. Everything else is ENOSYS, or what `base` denies by name: programs saw those errnos
// while they were traced. Calls that the policy denied are left out unless `denied` says that they are wanted.
[[nodiscard]] Result<Generated> generate_profile(std::span<const Trace> traces, const oci::Seccomp& base, bool denied);

struct TraceUse {
  std::vector<std::string> unused;   // "chmod", "socket: arg0 & 0xffffffff == 0x10": allowed, but no trace has it
  std::vector<std::string> missing;  // a trace has it, and the profile denies it
};

// What of a profile the traces use. A call that the policy denied does not count.
[[nodiscard]] Result<TraceUse> profile_use(const oci::Seccomp& profile, std::span<const Trace> traces);

}  // namespace nucleus::hardening
