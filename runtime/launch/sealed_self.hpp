// CVE-2019-5736: a container whose program is /proc/self/exe runs the runtime's binary and could write to the host's
// copy. Where a Landlock domain already keeps it out, nothing is needed; elsewhere the runtime runs from a clone of
// itself on a detached read-only mount.
#pragma once

#include "runtime/base/result.hpp"

namespace nucleus::launch {

// Re-executes the runtime with the same arguments from a read-only clone, unless it already runs from one. Returns only
// when nothing had to be done, or with an error. Call before anything is opened or locked.
[[nodiscard]] Status ensure_sealed_self(char** argv);

}  // namespace nucleus::launch
