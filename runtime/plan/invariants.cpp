#include <algorithm>

#include "runtime/plan/make_plan.hpp"
#include "runtime/plan/order.hpp"

namespace nucleus::plan {
namespace {

template <class Action>
std::size_t count(const LaunchPlan& plan) {
  return static_cast<std::size_t>(std::count_if(plan.init.begin(), plan.init.end(), [](const InitOp& op) {
    return std::holds_alternative<Action>(op.action);
  }));
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
  if (count<DropBounding>(plan) != 1 || count<SetIds>(plan) != 1 || count<SetCapabilities>(plan) != 1) {
    return broken("bounding set, ids and capability sets are each set once");
  }
  if (count<CloseDescriptors>(plan) != 1 || count<Execute>(plan) != 1) {
    return broken("descriptors are closed once and one program is executed");
  }
  if (!std::holds_alternative<Execute>(plan.init.back().action)) {
    return broken("execve is the last operation");
  }
  return {};
}

// What the hardened modes promise on top (semantics.md).
Status check_hardened(const LaunchPlan& plan) {
  if (plan.mode == hardening::Mode::passthrough) {
    return {};
  }
  const bool filtered = plan.seccomp.has_value();
  if (filtered != (count<InstallSeccomp>(plan) == 1)) {
    return broken("the seccomp filter and its installation go together");
  }
  const bool enters = count<EnterLandlock>(plan) == 1;
  return enters == (plan.landlock.abi > 0) ? Status{} : broken("the Landlock ruleset is entered once");
}

Status check_root(const LaunchPlan& plan) {
  const std::size_t attached = count<AttachRoot>(plan);
  if (attached == 0) {
    return {};  // a tenant joins a root that exists
  }
  if (attached != 1 || count<PivotRoot>(plan) != 1 || count<ReleaseSetup>(plan) != 1 || count<WaitForStart>(plan) != 1) {
    return broken("root is attached, pivoted to and released once, and the process waits once");
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
