// What a follower may still do once it serves. It parses what a container and the outside say, so it is held as if it were
// theirs.
#pragma once

#include <span>

#include "oci/spec_linux.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::follower {

// The allow-list: sockets of IPv4 and IPv6, time, memory without execution, reading and writing what is open. Anything
// else is ENOSYS; making processes, executing, tracing and changing namespaces kills.
[[nodiscard]] oci::Seccomp follower_seccomp();

// Session of its own, name, working directory, signals as at the start of a process, limits; /dev/null as 0, 1 and 2, and
// every descriptor closed that is not in `keep` (none of those below 3).
[[nodiscard]] Status detach(std::span<const int> keep);

// Drops every capability but CAP_NET_ADMIN, then no_new_privs, Landlock with no file system and TCP to port 53 alone
// (where the kernel has it), and the filter. Not to be taken back.
[[nodiscard]] Status confine();

}  // namespace nucleus::follower
