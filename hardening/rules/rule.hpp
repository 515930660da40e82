// What every rule works on. One rule per file; harden.cpp holds the list and its order.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardening/harden.hpp"

namespace nucleus::hardening {

// A request beyond the defaults, as a rule saw it.
struct Request {
  std::string_view rule;
  GrantKind kind = GrantKind::capability;
  std::string value;  // of the grant that would allow it; "" for kinds without one and in request_all()
  Control control = Control::beyond_policy;
  std::string path;    // of the finding
  std::string before;  // JSON text
  std::string reason;  // what the request would open, for the error and the report
};

class RuleContext {
 public:
  RuleContext(oci::Spec& target, const Policy& rules, const HostFacts& host, Mode chosen, Report& sink)
      : spec(target), policy(rules), facts(host), mode(chosen), report_(sink) {}

  oci::Spec& spec;
  const Policy& policy;
  const HostFacts& facts;
  const Mode mode;

  // Records an engine default that was narrowed. `before` and `after` are JSON texts; without `origin`, the mode's.
  void tightened(std::string_view rule, std::string path, std::string before, std::string after, std::string reason,
                 std::string origin = "");
  // The same for what was asked for beyond the defaults and taken away.
  void dropped(std::string_view rule, std::string path, std::string before, std::string after, std::string reason,
               std::string origin = "");
  void note(std::string_view rule, std::string path, std::string reason);

  // Law 1 for a request beyond the defaults. true: the policy grants it (recorded). false: the caller must remove it
  // (recorded as dropped; agent). Error: refused, the text names the request, the rule and the line that would grant it.
  [[nodiscard]] Result<bool> request(Request asked);

  // As request(), for many values of one kind: returns those that are granted (recorded). The caller removes and
  // records the others. One error names all that are refused.
  [[nodiscard]] Result<std::vector<std::string>> request_all(const Request& asked,
                                                             const std::vector<std::string>& values);

  // For failures without a grant that would allow them: an error in modes where `control` fails, else nothing.
  [[nodiscard]] Status require(Control control, std::string_view rule, std::string_view failure) const;

  // A grant that lifts a default of ours (no request is refused without it). Recorded when found.
  [[nodiscard]] bool lifted(std::string_view rule, GrantKind kind, std::string_view value, std::string path,
                            std::string before, std::string reason);

  // "mode agent", the origin of what no policy file decides.
  [[nodiscard]] std::string mode_origin() const;
  // "policy default", the origin of what the set's files decide.
  [[nodiscard]] std::string policy_origin() const { return "policy " + policy.name; }

 private:
  void granted(const Request& asked, const Grant& grant);

  Report& report_;
};

[[nodiscard]] Status harden_namespaces(RuleContext& context);
[[nodiscard]] Status harden_capabilities(RuleContext& context);
[[nodiscard]] Status harden_process_settings(RuleContext& context);
[[nodiscard]] Status harden_scheduling(RuleContext& context);
[[nodiscard]] Status harden_rlimits(RuleContext& context);
[[nodiscard]] Status require_attestation(RuleContext& context);
[[nodiscard]] Status harden_rootfs(RuleContext& context);
[[nodiscard]] Status harden_mounts(RuleContext& context);
[[nodiscard]] Status harden_paths(RuleContext& context);
[[nodiscard]] Status harden_devices(RuleContext& context);
[[nodiscard]] Status harden_device_rules(RuleContext& context);
[[nodiscard]] Status harden_net_devices(RuleContext& context);
[[nodiscard]] Status harden_sysctls(RuleContext& context);
[[nodiscard]] Status harden_resources(RuleContext& context);
[[nodiscard]] Status harden_seccomp(RuleContext& context);
// The policy's egress with the grants' entries.
[[nodiscard]] Status harden_egress(RuleContext& context, std::optional<EgressPolicy>& out);
[[nodiscard]] Status require_landlock(RuleContext& context);

}  // namespace nucleus::hardening
