// The egress table of a container with a network namespace that is not the host's.
#include "hardening/namespace_text.hpp"
#include "runtime/plan/parts.hpp"

namespace nucleus::plan {
namespace {

// Whether somebody may plumb the namespace so that connections arrive: one that an engine made, or one that it reaches
// into after create, which it has to do where a user namespace owns it or a hook is told its pid.
bool may_be_entered(const PlanContext& context) {
  const NamespacePlan& namespaces = context.plan.namespaces;
  const oci::Hooks& hooks = context.spec.hooks;
  return namespaces.joins("network") || namespaces.creates("user") || namespaces.joins("user") ||
         !hooks.prestart.empty() || !hooks.create_runtime.empty();
}

}  // namespace

void plan_egress(PlanContext& context) {
  const bool host = hardening::shares_host(context.spec, context.facts, "network");
  if (!context.hardened.egress || host) {
    return;
  }
  EgressPlan plan;
  plan.shared = context.plan.namespaces.joins("network");
  plan.by_cgroup = plan.shared && context.facts.cgroup.layout == CgroupLayout::v2 && !context.facts.cgroup.nested;
  plan.record.policy = *context.hardened.egress;
  plan.record.id = context.request.id;
  plan.record.origin = context.request.state_root;
  plan.record.inbound = may_be_entered(context);
  plan.table = hardening::compile_egress(plan.record);
  context.plan.egress = std::move(plan);
  context.add(InstallEgress{});
}

}  // namespace nucleus::plan
