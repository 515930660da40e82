// What a profile lets through, call by call, and how that is written down: what union, diff and coverage work with.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hardening/seccomp_table.hpp"
#include "oci/spec_linux.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

// By name. A call that is not listed is denied whatever its arguments are.
struct AllowedCalls {
  std::map<std::string, std::vector<ArgSets>> calls;  // disjoint or not; {everything} for one without conditions
  std::vector<std::string> notes;                     // where less is listed than the profile allows
};

// Allowed are allow and log. A profile whose default allows, or lets something else decide (trace, notify), is refused:
// there is no list of what it allows.
[[nodiscard]] Result<AllowedCalls> allowed_calls(const oci::Seccomp& profile);

// Sorted, without pieces that another covers.
void tidy(std::vector<ArgSets>& pieces);

// Entries that allow `calls`: one for those without conditions, then one for each set of conditions.
[[nodiscard]] std::vector<oci::SeccompRule> allow_entries(const std::map<std::string, std::vector<ArgSets>>& calls);

// What `profile` denies by name, where `allowed` has nothing to say about the same call and arguments: an errno that
// programs know how to take, or a kill.
[[nodiscard]] Result<std::vector<oci::SeccompRule>> denials_beside(
    const oci::Seccomp& profile, const std::map<std::string, std::vector<ArgSets>>& allowed);

// "arg0 & 0xffffffff == 0x2, arg1 == 0x1"; "any arguments".
[[nodiscard]] std::string describe(const ArgSets& conditions);

// The profile as a file: an entry a line, long lists of names wrapped. Parses to what was given.
[[nodiscard]] std::string profile_text(const oci::Seccomp& profile);

}  // namespace nucleus::hardening
