// The pieces make_plan() is put together from; each fills its part of the plan and appends its init ops.
#pragma once

#include "hardening/harden.hpp"
#include "runtime/base/host_facts.hpp"
#include "runtime/plan/make_plan.hpp"
#include "runtime/plan/plan.hpp"

namespace nucleus::plan {

struct PlanContext {
  const oci::Spec& spec;
  const hardening::Hardened& hardened;
  const HostFacts& facts;
  const Request& request;
  LaunchPlan& plan;

  void add(InitAction action, hardening::Reaction on_failure = hardening::Reaction::fail) {
    plan.init.push_back({std::move(action), on_failure});
  }
  // Reaction of `control` in this plan's mode; a control that is off never fails a launch.
  [[nodiscard]] hardening::Reaction on(hardening::Control control) const {
    return hardening::reaction(hardened.mode, control);
  }
};

// A bind mount by its option or by its type.
[[nodiscard]] bool is_bind(const oci::Mount& mount);

[[nodiscard]] Status plan_namespaces(PlanContext& context);
[[nodiscard]] Status plan_cgroup(PlanContext& context);
[[nodiscard]] Status plan_rootfs(PlanContext& context);
[[nodiscard]] Status plan_mounts(PlanContext& context);
// After plan_namespaces().
void plan_egress(PlanContext& context);
void plan_devices(PlanContext& context);
void plan_paths(PlanContext& context);

// Shared with the tenant plan.
void plan_limits(std::vector<InitOp>& init, const oci::Process& process, hardening::Mode mode);
void plan_confinement(std::vector<InitOp>& init, const oci::Spec& spec, const oci::Process& process,
                      const hardening::LandlockRuleset& landlock, hardening::Mode mode, unsigned preserve_fds);

}  // namespace nucleus::plan
