// Two seccomp profiles into the one that allows what both allow (law 2: never wider).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/spec_linux.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

struct Intersection {
  oci::Seccomp profile;
  std::vector<std::string> notes;          // where the result is stricter than the intersection, for the report
  std::vector<std::string> unknown_names;  // names of `config` that libseccomp does not know; they stay denied
};

// For every native system call and every value of its arguments `profile` has the stricter of both verdicts; where both
// are errors, our errno. `config` without a value is a profile that allows everything. A combination that OCI cannot
// say (two different conditions left on one argument) becomes stricter and is noted.
//
// The result is canonical (SCMP_ARCH_X86_64 only, names sorted, the strictest entries first, equal conditions merged),
// so that intersect(ours, intersect(ours, x)) is the same document as intersect(ours, x). SECCOMP_FILTER_FLAG_LOG is
// kept if either asks, SPEC_ALLOW if both do; the listener stays only with a rule that notifies, and then
// WAIT_KILLABLE_RECV if either asks. Unknown names in `ours` are an error, since it is a policy file.
[[nodiscard]] Result<Intersection> intersect(const oci::Seccomp& ours, const std::optional<oci::Seccomp>& config);

}  // namespace nucleus::hardening
