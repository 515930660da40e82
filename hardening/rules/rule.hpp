// What every rule works on. One rule per file; harden.cpp holds the list and its order.
#pragma once

#include <string>
#include <string_view>

#include "hardening/harden.hpp"

namespace nucleus::hardening {

class RuleContext {
 public:
  RuleContext(oci::Spec& target, const Policy& rules, const HostFacts& host, Mode chosen, Report& sink)
      : spec(target), policy(rules), facts(host), mode(chosen), report_(sink) {}

  oci::Spec& spec;
  const Policy& policy;
  const HostFacts& facts;
  const Mode mode;

  // Records an engine default that was narrowed. `before` and `after` are JSON texts.
  void tightened(std::string_view rule, std::string path, std::string before, std::string after, std::string reason);
  void note(std::string_view rule, std::string path, std::string reason);

  // Law 1 for a request beyond the defaults. true: the policy grants it (recorded). false: the caller must remove it
  // (recorded as dropped; agent). Error: refused, the text names the request, the rule and the line that would grant it.
  [[nodiscard]] Result<bool> request(std::string_view rule, const Grant& wanted, Control control, std::string path,
                                     std::string before, std::string reason);

 private:
  Report& report_;
};

[[nodiscard]] Status harden_namespaces(RuleContext& context);
[[nodiscard]] Status harden_capabilities(RuleContext& context);
[[nodiscard]] Status harden_process_settings(RuleContext& context);
[[nodiscard]] Status harden_rlimits(RuleContext& context);
[[nodiscard]] Status harden_rootfs(RuleContext& context);
[[nodiscard]] Status harden_mounts(RuleContext& context);
[[nodiscard]] Status harden_paths(RuleContext& context);
[[nodiscard]] Status harden_devices(RuleContext& context);
[[nodiscard]] Status harden_sysctls(RuleContext& context);
[[nodiscard]] Status harden_resources(RuleContext& context);
[[nodiscard]] Status harden_seccomp(RuleContext& context);

}  // namespace nucleus::hardening
