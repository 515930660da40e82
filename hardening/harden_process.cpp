// `exec`: the joining process gets at most what the container's init has.
#include <algorithm>
#include <utility>

#include "hardening/json_text.hpp"
#include "hardening/rules/capabilities.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "exec";

// Even a grant gives nothing that init's bounding set lost: the container was started without it.
Status limit_to_init(RuleContext& context, const oci::Process& init) {
  if (!context.spec.process->capabilities) {
    return {};
  }
  const oci::Capabilities none;
  const oci::Capabilities& limit = init.capabilities ? *init.capabilities : none;
  const CapabilityMask bounding = capability_mask(limit.bounding);
  std::vector<std::string> missing;
  for (const auto& name : beyond_engine_defaults(*context.spec.process->capabilities)) {
    if ((capability_bit(name) & bounding) == 0) {
      missing.push_back(name);
    }
  }
  if (!missing.empty()) {
    TRY(context.require(Control::beyond_policy, "capabilities",
                        "exec asks for " + join(missing) +
                            ", which the container's init does not have: grant it when the container is created"));
  }
  CapabilityMask by_grant = 0;
  for (const Grant& grant : context.policy.grants) {
    by_grant |= grant.kind == GrantKind::capability ? capability_bit(grant.value) : 0;
  }
  const CapabilityMask ambient =
      capability_mask(limit.ambient) | capability_mask(context.policy.keep_ambient) | by_grant;
  limit_capabilities(context, {bounding, ambient, "exec never has more than the container's init", ""});
  return {};
}

void replace(RuleContext& context, std::string_view member, std::string& value, const std::string& init) {
  if (!init.empty() && value != init) {
    context.tightened(kRule, "/process/" + std::string(member), value.empty() ? "" : json_text(value), json_text(init),
                      "as the container's init");
    value = init;
  }
}

void take_no_new_privileges(RuleContext& context, const oci::Process& init) {
  bool& value = context.spec.process->no_new_privileges;
  if (init.no_new_privileges && !value) {
    value = true;
    context.tightened(kRule, "/process/noNewPrivileges", json_bool(false), json_bool(true), "as the container's init");
  }
}

void take_limit(RuleContext& context, const oci::Rlimit& init) {
  auto& limits = context.spec.process->rlimits;
  auto own = std::ranges::find(limits, init.type, &oci::Rlimit::type);
  const bool absent = own == limits.end();
  if (!absent && own->hard <= init.hard) {
    return;
  }
  const std::string before = absent ? "" : json_text(*own);
  if (absent) {
    own = limits.insert(own, init);
  } else {
    own->hard = init.hard;
    own->soft = std::min(own->soft, init.hard);
  }
  context.tightened(kRule, "/process/rlimits/" + std::to_string(own - limits.begin()), before, json_text(*own),
                    "not above the container's init");
}

void take_oom_score(RuleContext& context, const oci::Process& init) {
  auto& score = context.spec.process->oom_score_adj;
  if (!init.oom_score_adj || (score && *score >= *init.oom_score_adj)) {
    return;
  }
  context.tightened(kRule, "/process/oomScoreAdj", score ? json_text(*score) : "", json_text(*init.oom_score_adj),
                    "not below the container's init");
  score = init.oom_score_adj;
}

// Paths of the report point into process.json.
void rebase(Report& report) {
  constexpr std::string_view kPrefix = "/process";
  for (auto& finding : report.findings) {
    if (finding.path.starts_with(kPrefix)) {
      finding.path.erase(0, kPrefix.size());
    }
  }
}

}  // namespace

Result<HardenedProcess> harden_process(const oci::Process& process, const oci::Process& init, const Policy& policy,
                                       const HostFacts& facts, Mode mode) {
  HardenedProcess out{process, {mode, policy.name, policy.digest, {}, "", ""}};
  if (mode == Mode::passthrough) {
    return out;
  }
  oci::Spec spec;
  spec.process = process;
  RuleContext context(spec, policy, facts, mode, out.report);
  TRY(limit_to_init(context, init));
  take_no_new_privileges(context, init);
  replace(context, "apparmorProfile", spec.process->apparmor_profile, init.apparmor_profile);
  replace(context, "selinuxLabel", spec.process->selinux_label, init.selinux_label);
  for (const auto& limit : init.rlimits) {
    take_limit(context, limit);
  }
  take_oom_score(context, init);
  TRY(harden_scheduling(context));
  TRY(harden_rlimits(context));
  out.process = std::move(*spec.process);
  rebase(out.report);
  return out;
}

}  // namespace nucleus::hardening
