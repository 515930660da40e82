// The [[rules]] of landlock.toml as they can take effect in one container.
//
// Rules stand for the root file system. A mount has the rights that its flags say (a writable volume read, write, create,
// remove; a read-only one read; execute unless noexec), as without rules, unless a rule names its very destination: then that
// rule decides. Rights add up along a path, so a rule above a mount reaches into it. A word that the mount's flags rule out
// gives nothing: it is left out and said.
#pragma once

#include <string>
#include <vector>

#include "hardening/policy.hpp"
#include "oci/spec.hpp"
#include "runtime/base/host_facts.hpp"

namespace nucleus::hardening {

struct EffectiveRules {
  std::vector<LandlockPathRule> rules;  // as in the policy; access may be empty
  std::vector<std::string> notes;       // one for each word or rule that gives nothing
};

// `hardened` has the mounts with the flags they get. `writable_root`: something may be written to "/".
[[nodiscard]] EffectiveRules effective_rules(const oci::Spec& hardened, const LandlockPolicy& policy,
                                             const HostFacts& facts, bool writable_root);

}  // namespace nucleus::hardening
