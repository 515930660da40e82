// What a container was confined by, kept beside its state so that `exec` and `receipt` replay the decision that was
// made at create instead of deciding anew.
#pragma once

#include <string>
#include <string_view>

#include "hardening/landlock_rules.hpp"
#include "hardening/modes.hpp"
#include "hardening/policy.hpp"
#include "hardening/receipt_settings.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

struct Confinement {
  Mode mode = Mode::agent;
  // Of the policy: name, digest, grants and kept capabilities. The seccomp profile is in the rewritten config, the
  // compiled filter in its own file.
  Policy policy;
  LandlockRuleset landlock;
  unsigned seccomp_flags = 0;  // of the compiled filter; exec installs it without NEW_LISTENER
  bool ephemeral_root = false;
  ReceiptSettings receipt;
};

[[nodiscard]] std::string to_json(const Confinement& confinement);
[[nodiscard]] Result<Confinement> parse_confinement(std::string_view json, std::string_view file);

}  // namespace nucleus::hardening
