// Where policy sets are: the administrator's directories, then those compiled in. Bytes only; policy_set.hpp reads them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hardening/policy_set.hpp"

namespace nucleus::hardening {

struct PolicySource {
  std::string name;
  std::string directory;  // "" for a set compiled in
  PolicyInput input;
  std::optional<std::string> lock;  // the bytes of policy.lock
  bool built_in = false;            // the bytes are those compiled in, whichever place they were read from

  [[nodiscard]] std::string lock_path() const;  // what errors name
};

// `name` is looked up in `dirs` (first hit wins), then among the sets compiled in; a name with '/' is a directory, whose last
// part is the set's name. Not a pin. Errors: load_policy()'s, but for what stands in the files.
[[nodiscard]] Result<PolicySource> find_policy_source(const std::string& name, const std::vector<std::string>& dirs);

// policy.lock, where there is one, and the files.
[[nodiscard]] Result<Policy> decode_source(const PolicySource& source);

// Every set that find_policy_source() would find by a name, sorted. A directory that is no set but has a set's name is among
// them, since it hides what comes later.
[[nodiscard]] Result<std::vector<std::string>> policy_set_names(const std::vector<std::string>& dirs);

}  // namespace nucleus::hardening
