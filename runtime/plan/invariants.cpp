#include <algorithm>

#include "runtime/plan/make_plan.hpp"
#include "runtime/plan/order.hpp"

namespace nucleus::plan {
namespace {

template <class Action>
std::size_t count(const LaunchPlan& plan) {
  return static_cast<std::size_t>(std::count_if(
      plan.init.begin(), plan.init.end(), [](const InitOp& op) { return std::holds_alternative<Action>(op.action); }));
}

Status broken(std::string rule) { return fail(ErrorCode::internal, "plan invariant broken: " + std::move(rule)); }

Status check_order(const LaunchPlan& plan) {
  const auto sorted = std::is_sorted(plan.init.begin(), plan.init.end(), [](const InitOp& a, const InitOp& b) {
    return phase_of(a.action) < phase_of(b.action);
  });
  return sorted ? Status{} : broken("init operations are out of order");
}

// Each of these must happen exactly once in every plan.
Status check_complete(const LaunchPlan& plan) {
  if (count<ReleaseSetup>(plan) != 1) {
    return broken("set-up descriptors are released once");
  }
  if (count<DropBounding>(plan) != 1 || count<SetIds>(plan) != 1 || count<SetCapabilities>(plan) != 1) {
    return broken("bounding set, ids and capability sets are each set once");
  }
  if (count<CloseDescriptors>(plan) != 1 || count<Execute>(plan) != 1) {
    return broken("descriptors are closed once and one program is executed");
  }
  if (!std::holds_alternative<Execute>(plan.init.back().action)) {
    return broken("execve is the last operation");
  }
  if (plan.process.no_new_privileges != (count<NoNewPrivileges>(plan) == 1)) {
    return broken("no_new_privs is set when the process asks for it");
  }
  return {};
}

// What the hardened modes promise on top (semantics.md).
Status check_hardened(const LaunchPlan& plan) {
  if (plan.mode == hardening::Mode::passthrough) {
    return {};
  }
  if (count<InstallSeccomp>(plan) != (plan.seccomp ? 1U : 0U)) {
    return broken("the seccomp filter and its installation go together");
  }
  if (count<InstallEgress>(plan) != (plan.egress ? 1U : 0U) || ((plan.namespaces.creates("network")) && !plan.egress)) {
    return broken("the egress rules are installed once in a network namespace of the container's own");
  }
  const std::size_t domains = plan.landlock.abi > 0 ? 1 : 0;
  if (count<PrepareLandlock>(plan) != domains || count<EnterLandlock>(plan) != domains) {
    return broken("the Landlock ruleset is prepared and entered once");
  }
  return {};
}

// A launch makes a root and waits in it; a tenant joins one that exists and sets nothing up.
Status check_root(const LaunchPlan& plan) {
  const std::size_t roots = count<AttachRoot>(plan);
  const bool mounts = count<MountFilesystem>(plan) + count<AttachMount>(plan) > 0;
  if (roots > 1 || count<PivotRoot>(plan) != roots || count<WaitForStart>(plan) != roots || (mounts && roots == 0)) {
    return broken("root is attached and pivoted to once, and the process waits once");
  }
  if (count<ReleaseSetup>(plan) != 1) {
    return broken("set-up descriptors are released once");
  }
  for (const InitOp& op : plan.init) {
    const auto* attach = std::get_if<AttachMount>(&op.action);
    if (attach != nullptr && attach->index >= plan.detached.size()) {
      return broken("a bind mount that nobody prepared");
    }
  }
  return {};
}

}  // namespace

Status check_invariants(const LaunchPlan& plan) {
  if (plan.init.empty()) {
    return broken("nothing to do");
  }
  TRY(check_order(plan));
  TRY(check_complete(plan));
  TRY(check_root(plan));
  return check_hardened(plan);
}

}  // namespace nucleus::plan
