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

// What a set is made of: the bytes, and for errors where they came from ("/etc/nucleus/policies/web/caps.toml").
struct PolicyInput {
  PolicyBytes bytes;
  std::array<std::string, kPolicyFiles.size()> shown;
  std::array<bool, kPolicyFiles.size()> replaced{};  // given by itself: origins say the whole path
};

// `external` sets get their system call names looked up here; those compiled in have been looked at by a unit test, and
// every start would pay for it.
[[nodiscard]] Result<Policy> decode_policy(const PolicyInput& input, const std::string& name, bool external);

// sha256sum's lines for the files: the text of policy.lock. Its SHA-256 is the set's digest.
[[nodiscard]] std::string lock_text(const PolicyBytes& bytes);

// The access words of landlock.toml in `access`, separated by blanks.
[[nodiscard]] std::string access_text(AccessSet access);

}  // namespace nucleus::hardening
