// What the rewrite did and why. A Report has `tightened` or `dropped` findings exactly when the Spec changed, and every
// value that differs between the two documents lies at or below a finding's path (indexes are the original's).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hardening/modes.hpp"

namespace nucleus::hardening {

enum class FindingKind : std::uint8_t {
  tightened,  // an engine default narrowed (law 1, first half)
  dropped,    // a request beyond policy, dropped with a warning (agent mode)
  granted,    // a request beyond the defaults that the policy grants: left as it is
  note,       // something the reader must know that changes nothing in config.json
};

struct Finding {
  FindingKind kind = FindingKind::tightened;
  std::string rule;    // the rule file's name: "capabilities", "seccomp", "mounts" ...
  std::string path;    // RFC 6901 JSON pointer into config.json, "/process/capabilities/bounding"
  std::string before;  // JSON text, "" when absent; a seccomp profile is summarised
  std::string after;   // JSON text, "" when removed
  std::string origin;  // what decided: "mode agent", "policy default (policy.toml:4)", "annotation io.nucleus.grant"
  std::string reason;  // one sentence
  bool operator==(const Finding&) const = default;
};

// One line for a warning: what was asked for and is gone, and why. Long values are cut; the report has all of them.
[[nodiscard]] std::string describe(const Finding& finding);

struct Report {
  Mode mode = Mode::agent;
  std::string policy;         // name of the policy set
  std::string policy_digest;  // hex SHA-256
  std::vector<Finding> findings;
  std::string mode_origin;  // who chose mode and policy (Selection); "" when nobody said
  std::string policy_origin;
  bool operator==(const Report&) const = default;
};

enum class ReportFormat : std::uint8_t { text, json };

// For people (grouped by rule, counts first) or machines (one JSON document).
[[nodiscard]] std::string render(const Report& report, ReportFormat format);

}  // namespace nucleus::hardening
