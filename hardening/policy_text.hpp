// A policy set for readers: everything that is in force, with the file and line it comes from.
#pragma once

#include <string>
#include <vector>

#include "hardening/policy_lint.hpp"
#include "hardening/policy_source.hpp"

namespace nucleus::hardening {

// One set of `policy list`; `error` instead of the rest where it cannot be read.
struct PolicyRow {
  std::string name;
  std::string source;  // its directory, or "built in"
  std::string digest;
  std::string floor;  // of the mode
  std::string description;
  bool locked = false;
  std::string error;
};

struct PolicyLint {
  std::string set;
  std::vector<LintFinding> findings;
};

// "built in", or the directory without the slash at its end.
[[nodiscard]] std::string source_text(const PolicySource& source);

// Text ends with a newline; JSON is one document, likewise.
[[nodiscard]] std::string policy_text(const PolicySource& source, const Policy& policy);
[[nodiscard]] std::string policy_json(const PolicySource& source, const Policy& policy);
[[nodiscard]] std::string rows_text(const std::vector<PolicyRow>& rows);
[[nodiscard]] std::string rows_json(const std::vector<PolicyRow>& rows);
[[nodiscard]] std::string lint_text(const std::vector<PolicyLint>& sets);
[[nodiscard]] std::string lint_json(const std::vector<PolicyLint>& sets);

}  // namespace nucleus::hardening
