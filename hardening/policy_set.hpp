// A policy set from the bytes of its files.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "hardening/policy.hpp"

namespace nucleus::hardening {

// Sorted; in this order they enter the digest.
inline constexpr std::array<std::string_view, 5> kPolicyFiles = {"caps.toml", "egress.toml", "landlock.toml",
                                                                 "policy.toml", "seccomp.json"};
using PolicyBytes = std::array<std::string, kPolicyFiles.size()>;  // by kPolicyFiles

// `shown` is put before the file names in errors: "/etc/nucleus/policies/web/". `external` sets get their system call
// names looked up here; those compiled in have been looked at by a unit test, and every start would pay for it.
[[nodiscard]] Result<Policy> decode_policy(const PolicyBytes& bytes, const std::string& name, const std::string& shown,
                                           bool external);

// sha256sum's lines for the files; its SHA-256 is the set's digest.
[[nodiscard]] std::string lock_text(const PolicyBytes& bytes);

}  // namespace nucleus::hardening
