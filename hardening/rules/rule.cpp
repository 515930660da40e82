#include "hardening/rules/rule.hpp"

#include <algorithm>
#include <utility>

#include "hardening/json_text.hpp"

namespace nucleus::hardening {
namespace {

// What to write where: `add grants = ["host-network"] to policy.toml of policy set "default", or --grant host-network`.
std::string how_to_grant(const std::vector<Grant>& missing, const std::string& policy) {
  std::vector<std::string> quoted;
  std::vector<std::string> options;
  for (const Grant& grant : missing) {
    quoted.push_back("\"" + to_string(grant) + "\"");
    options.push_back("--grant " +
                      (grant.value.find(' ') == std::string::npos ? to_string(grant) : "'" + to_string(grant) + "'"));
  }
  return "to grant it, add grants = [" + join(quoted) + "] to policy.toml of policy set \"" + policy + "\", or give " +
         join(options, " ");
}

}  // namespace

std::string RuleContext::mode_origin() const { return "mode " + std::string(mode_name(mode)); }

void RuleContext::tightened(std::string_view rule, std::string path, std::string before, std::string after,
                            std::string reason, std::string origin) {
  report_.findings.push_back({FindingKind::tightened, std::string(rule), std::move(path), std::move(before),
                              std::move(after), origin.empty() ? mode_origin() : std::move(origin), std::move(reason)});
}

void RuleContext::dropped(std::string_view rule, std::string path, std::string before, std::string after,
                          std::string reason, std::string origin) {
  report_.findings.push_back({FindingKind::dropped, std::string(rule), std::move(path), std::move(before),
                              std::move(after), origin.empty() ? mode_origin() : std::move(origin), std::move(reason)});
}

void RuleContext::note(std::string_view rule, std::string path, std::string reason) {
  report_.findings.push_back(
      {FindingKind::note, std::string(rule), std::move(path), "", "", mode_origin(), std::move(reason)});
}

void RuleContext::granted(const Request& asked, const Grant& grant) {
  report_.findings.push_back({FindingKind::granted, std::string(asked.rule), asked.path, asked.before, asked.before,
                              grant.origin, to_string(grant) + ": " + asked.reason});
}

Result<std::vector<std::string>> RuleContext::request_all(const Request& asked,
                                                          const std::vector<std::string>& values) {
  std::vector<std::string> kept;
  std::vector<Grant> missing;
  std::vector<std::string> names;
  for (const std::string& value : values) {
    if (const Grant* const grant = policy.find(asked.kind, value)) {
      granted(asked, *grant);
      kept.push_back(value);
    } else {
      missing.push_back({asked.kind, value, ""});
      names.push_back(to_string(missing.back()));
    }
  }
  if (!missing.empty() && reaction(mode, asked.control) == Reaction::fail) {
    return fail(ErrorCode::policy, "request " + join(names) + " at " + asked.path + " refused by rule " +
                                       std::string(asked.rule) + " (" + mode_origin() + "): " + asked.reason + "; " +
                                       how_to_grant(missing, policy.name));
  }
  return kept;
}

Result<bool> RuleContext::request(Request asked) {
  TRY_ASSIGN(const auto kept, request_all(asked, {asked.value}));
  if (kept.empty()) {
    dropped(asked.rule, std::move(asked.path), std::move(asked.before), "",
            "request " + to_string(Grant{asked.kind, asked.value, ""}) + " is not granted by policy " + policy.name +
                ": " + asked.reason);
  }
  return !kept.empty();
}

Status RuleContext::require(Control control, std::string_view rule, std::string_view failure) const {
  if (reaction(mode, control) != Reaction::fail) {
    return {};
  }
  const auto name = kControlTable[static_cast<std::size_t>(control)].name;
  return fail(ErrorCode::policy, std::string(failure) + " (control " + std::string(name) + ", rule " +
                                     std::string(rule) + ", " + mode_origin() + ")");
}

bool RuleContext::lifted(std::string_view rule, GrantKind kind, std::string_view value, std::string path,
                         std::string before, std::string reason) {
  const Grant* const grant = policy.find(kind, value);
  if (grant != nullptr) {
    granted(
        {rule, kind, std::string(value), Control::beyond_policy, std::move(path), std::move(before), std::move(reason)},
        *grant);
  }
  return grant != nullptr;
}

}  // namespace nucleus::hardening
