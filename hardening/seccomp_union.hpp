// Profiles side by side: together, and what tells them apart.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "oci/spec_linux.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

struct Union {
  oci::Seccomp profile;
  std::vector<std::string> notes;  // where less is allowed than one of the profiles does
};

// Allows what any of the profiles allows and nothing more: for a program with several traces. Default action and errno
// are the first profile's; what the first denies by name stays denied so where none allows it. Each profile's default
// must deny.
[[nodiscard]] Result<Union> unite(std::span<const oci::Seccomp> profiles);

struct ProfileDiff {
  std::vector<std::string> added;    // allowed by the second profile only
  std::vector<std::string> removed;  // allowed by the first only
  // By name, where both allow the call but under different conditions: what each has and the other has not.
  std::map<std::string, std::pair<std::vector<std::string>, std::vector<std::string>>> changed;  // removed, added
  std::vector<std::string> denials;  // other differences: "default: SCMP_ACT_ERRNO(38) -> SCMP_ACT_ERRNO(1)"
  [[nodiscard]] bool same() const { return added.empty() && removed.empty() && changed.empty() && denials.empty(); }
};

// By meaning, not by text: the order of entries does not count.
[[nodiscard]] Result<ProfileDiff> diff(const oci::Seccomp& before, const oci::Seccomp& after);

// Lines that begin with + (wider), - (narrower) and ~ (denied in another way); "" for no difference.
[[nodiscard]] std::string to_text(const ProfileDiff& difference);
[[nodiscard]] std::string to_json(const ProfileDiff& difference);

}  // namespace nucleus::hardening
