// What a reviewer would ask about a policy set that is well formed. Pure; `policy lint` prints it.
//
// Each finding has a rule's name, so that a set whose author has an answer can be let through by name (--allow RULE).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardening/policy_source.hpp"

namespace nucleus::hardening {

enum class LintLevel : std::uint8_t {
  note,     // worth knowing
  warning,  // opens much, or does nothing and so is a slip
};

struct LintFinding {
  LintLevel level = LintLevel::warning;
  std::string rule;   // one of lint_rules()
  std::string place;  // "policy web (caps.toml:4)", or a file
  std::string text;   // one sentence
  bool operator==(const LintFinding&) const = default;
};

struct LintRule {
  std::string_view name;
  std::string_view meaning;
};
[[nodiscard]] std::vector<LintRule> lint_rules();

// `policy` is what decode_policy() made of the source. Sorted by file, then as they stand there.
[[nodiscard]] std::vector<LintFinding> lint(const PolicySource& source, const Policy& policy);

// The parts, one file each.
void lint_landlock(const Policy& policy, std::vector<LintFinding>& out);  // policy_lint_landlock.cpp
void lint_seccomp(const PolicySource& source, const Policy& policy, std::vector<LintFinding>& out);  // ..._seccomp.cpp

}  // namespace nucleus::hardening
