#include "hardening/harden.hpp"

#include <array>
#include <utility>

#include "hardening/annotations.hpp"
#include "hardening/namespace_text.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

using Rule = Status (*)(RuleContext&);

// Namespaces first: what is safe elsewhere depends on them. Mounts before paths, which look at what is mounted.
constexpr std::array<Rule, 16> kRules = {
    require_attestation,     require_landlock,  harden_namespaces, harden_capabilities,
    harden_process_settings, harden_scheduling, harden_rlimits,    harden_rootfs,
    harden_mounts,           harden_paths,      harden_devices,    harden_device_rules,
    harden_net_devices,      harden_sysctls,    harden_resources,  harden_seccomp,
};

Status check_policy(const Policy& policy, Mode mode) {
  if (mode < policy.floor) {
    return fail(ErrorCode::policy, "policy set \"" + policy.name + "\" is not for mode " +
                                       std::string(mode_name(mode)) + ": its mode_floor is " +
                                       std::string(mode_name(policy.floor)));
  }
  if (policy.external && !policy.pinned && reaction(mode, Control::unpinned_policy) == Reaction::fail) {
    return fail(ErrorCode::policy, "policy set \"" + policy.name + "\" is not pinned, as mode " +
                                       std::string(mode_name(mode)) +
                                       " demands of every set that is not built in: name it \"" + policy.name +
                                       "@sha256:" + policy.digest + "\"");
  }
  return {};
}

bool is_ephemeral(const oci::Spec& spec) {
  const auto set = spec.annotations.find(std::string(kRootfsAnnotation));
  return set != spec.annotations.end() && set->second == kEphemeral && !spec.root.readonly;
}

}  // namespace

Status require_landlock(RuleContext& context) {
  const int abi = context.facts.landlock_abi;
  const int wanted = context.policy.landlock.min_abi;
  if (abi >= wanted) {
    return {};
  }
  const std::string failure = abi == 0 ? "this kernel has no Landlock"
                                       : "this kernel's Landlock has ABI " + std::to_string(abi) + ", policy " +
                                             context.policy.name + " wants " + std::to_string(wanted);
  TRY(context.require(Control::landlock, "landlock", failure));
  context.note("landlock", "", failure + (abi == 0 ? ": nothing is enforced by it" : ": what there is, is enforced"));
  return {};
}

Result<Hardened> harden(const oci::Spec& spec, const Policy& policy, const HostFacts& facts, Mode mode) {
  Hardened out;
  out.mode = mode;
  out.spec = spec;
  out.report.mode = mode;
  out.report.policy = policy.name;
  out.report.policy_digest = policy.digest;
  out.attestation = policy.attestation;
  if (mode == Mode::passthrough) {
    return out;
  }
  TRY(check_policy(policy, mode));
  RuleContext context(out.spec, policy, facts, mode, out.report);
  for (const Rule rule : kRules) {
    TRY(rule(context));
  }
  TRY(harden_egress(context, out.egress));
  out.ephemeral_root = is_ephemeral(out.spec);
  out.landlock = landlock_rules(out.spec, policy, facts, out.ephemeral_root);
  add_landlock_ports(out.landlock, *out.egress, shares_host(out.spec, facts, "network"));
  for (auto& text : landlock_port_notes(out.landlock, *out.egress)) {
    context.note("egress", "", std::move(text));
  }
  for (auto& text : landlock_notes(out.spec, policy, facts, out.ephemeral_root)) {
    context.note("landlock", "", std::move(text));
  }
  return out;
}

}  // namespace nucleus::hardening
