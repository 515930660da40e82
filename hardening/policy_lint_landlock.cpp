// W^X and other properties of landlock.toml. Rights add up along the path from a file to "/" (landlock(7)), so what counts
// at a path is its own words and those of every path above it.
#include "hardening/path_text.hpp"
#include "hardening/policy_lint.hpp"

namespace nucleus::hardening {
namespace {

constexpr AccessSet bit(Access access) { return static_cast<AccessSet>(access); }
constexpr AccessSet kChange = bit(Access::write) | bit(Access::create);
constexpr int kTruncateAbi = 3;

bool writes_and_executes(AccessSet access) { return (access & kChange) != 0 && (access & bit(Access::execute)) != 0; }

// What holds at the path because of rules above it, and the nearest one that has a part in it.
struct Inherited {
  AccessSet access = 0;
  const LandlockPathRule* from = nullptr;
};

Inherited inherited(const std::vector<LandlockPathRule>& rules, const LandlockPathRule& at) {
  Inherited out;
  for (const auto& rule : rules) {
    if (rule.path != at.path && at_or_below(at.path, rule.path)) {
      out.access |= rule.access;
      const bool nearer = out.from == nullptr || at_or_below(rule.path, out.from->path);
      out.from = nearer ? &rule : out.from;
    }
  }
  return out;
}

// The kernel opens a program for reading before it runs it.
bool lets_run(const std::vector<LandlockPathRule>& rules, const LandlockPathRule& rule) {
  const AccessSet all = rule.access | inherited(rules, rule).access;
  return (all & bit(Access::execute)) != 0 && (all & bit(Access::read)) != 0;
}

void lint_rule(const std::vector<LandlockPathRule>& rules, const LandlockPathRule& rule,
               std::vector<LintFinding>& out) {
  if (writes_and_executes(rule.access)) {
    out.push_back({LintLevel::warning, "write-execute", rule.origin,
                   rule.path + " is writable and executable: what is written there can be run"});
    return;
  }
  const Inherited above = inherited(rules, rule);
  if (above.from == nullptr || writes_and_executes(above.access)) {
    return;  // said where it begins
  }
  if (writes_and_executes(above.access | rule.access)) {
    out.push_back({LintLevel::warning, "write-execute", rule.origin,
                   rule.path + " becomes writable and executable together with the rule for " + above.from->path +
                       ", since rights add up along a path"});
  }
}

}  // namespace

void lint_landlock(const Policy& policy, std::vector<LintFinding>& out) {
  const auto& rules = policy.landlock.rules;
  const std::string file = "policy " + policy.name + " (landlock.toml)";
  if (policy.landlock.min_abi < kTruncateAbi) {
    out.push_back({LintLevel::note, "old-landlock", file,
                   "min_abi " + std::to_string(policy.landlock.min_abi) +
                       " lets a kernel do that does not guard truncate(2); 3 is the first that does"});
  }
  bool runs = false;
  for (const auto& rule : rules) {
    lint_rule(rules, rule, out);
    runs = runs || lets_run(rules, rule);
  }
  if (!rules.empty() && !runs) {
    out.push_back({LintLevel::warning, "nothing-runs", file, "no path has read and execute: nothing can start"});
  }
}

}  // namespace nucleus::hardening
