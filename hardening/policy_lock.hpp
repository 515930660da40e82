// policy.lock: the digests that the files of a policy set have to have, in the form of sha256sum(1):
//   HEX  caps.toml
//   HEX  egress.toml ...        all files of the set, sorted, one line each
// A set without one is as its files are. With one, a changed byte in any of them is an error in every mode: whoever
// changes the set has to say so (`policy lock`). The lock is no pin, since who may write the files may write the lock; it
// is for slips, partial updates and reviews. NAME@sha256:HEX, whose HEX is the SHA-256 of this text, is the pin.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "hardening/digest.hpp"
#include "hardening/policy_set.hpp"

namespace nucleus::hardening {

inline constexpr std::string_view kLockFile = "policy.lock";

using PolicyDigests = std::array<Sha256, kPolicyFiles.size()>;  // by kPolicyFiles

// Errors: ErrorCode::invalid_config, `shown`:line:column. Nothing but the form above is accepted.
[[nodiscard]] Result<PolicyDigests> parse_lock(std::string_view text, const std::string& shown);

// Error (ErrorCode::policy) naming the first file whose bytes are not those locked, with both digests and the lock's line.
[[nodiscard]] Status check_lock(const PolicyInput& input, std::string_view text, const std::string& shown);

}  // namespace nucleus::hardening
