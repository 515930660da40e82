// A good plan passes; every way of breaking one is noticed.
#include <gtest/gtest.h>

#include <functional>

#include "runtime/plan/test_support.hpp"

namespace nucleus::plan {
namespace {

using namespace test;

LaunchPlan good_plan() {
  oci::Spec spec = minimal_spec();
  spec.linux.seccomp.emplace();
  spec.linux.sysctl["net.ipv4.ip_forward"] = "0";
  spec.linux.masked_paths = {"/proc/kcore"};
  spec.mounts = {mount_of("/proc", "proc", "proc", {}), mount_of("/data", "bind", "/srv/data", {"rbind", "ro"})};
  LaunchPlan plan = plan_of(spec, host_facts(), request(), Mode::strict_agent, 7).value();
  plan.seccomp.emplace();
  return plan;
}

void drop_at(LaunchPlan& plan, std::size_t i) { plan.init.erase(plan.init.begin() + static_cast<std::ptrdiff_t>(i)); }

template <class Action>
void drop(LaunchPlan& plan) {
  drop_at(plan, position<Action>(plan));
}

template <class Action>
void twice(LaunchPlan& plan) {
  const std::size_t i = position<Action>(plan);
  plan.init.insert(plan.init.begin() + static_cast<std::ptrdiff_t>(i), plan.init[i]);
}

TEST(Invariants, AGoodPlanHolds) {
  const Status status = check_invariants(good_plan());
  EXPECT_TRUE(status) << status.error().text;
}

TEST(Invariants, EveryExchangeOfNeighboursFromDifferentPhasesIsNoticed) {
  const LaunchPlan good = good_plan();
  int exchanged = 0;
  for (std::size_t i = 0; i + 1 < good.init.size(); ++i) {
    if (phase_of(good.init[i].action) == phase_of(good.init[i + 1].action)) {
      continue;
    }
    LaunchPlan plan = good;
    std::swap(plan.init[i], plan.init[i + 1]);
    EXPECT_FALSE(check_invariants(plan)) << describe(good.init[i]) << " after " << describe(good.init[i + 1]);
    ++exchanged;
  }
  EXPECT_GT(exchanged, 15);
}

TEST(Invariants, EachBrokenPlanIsNoticed) {
  const std::vector<std::pair<const char*, std::function<void(LaunchPlan&)>>> mutations = {
      {"empty", [](auto& plan) { plan.init.clear(); }},
      {"no bounding set", drop<DropBounding>},
      {"no ids", drop<SetIds>},
      {"no capability sets", drop<SetCapabilities>},
      {"descriptors stay open", drop<CloseDescriptors>},
      {"no program", drop<Execute>},
      {"no root", drop<AttachRoot>},
      {"no pivot", drop<PivotRoot>},
      {"set-up descriptors stay", drop<ReleaseSetup>},
      {"does not wait", drop<WaitForStart>},
      {"no Landlock", drop<EnterLandlock>},
      {"Landlock not prepared", drop<PrepareLandlock>},
      {"no seccomp", drop<InstallSeccomp>},
      {"no no_new_privs", drop<NoNewPrivileges>},
      {"two bounding sets", twice<DropBounding>},
      {"two ids", twice<SetIds>},
      {"two capability sets", twice<SetCapabilities>},
      {"closes twice", twice<CloseDescriptors>},
      {"two programs", twice<Execute>},
      {"two roots", twice<AttachRoot>},
      {"two pivots", twice<PivotRoot>},
      {"waits twice", twice<WaitForStart>},
      {"two domains", twice<EnterLandlock>},
      {"two filters", twice<InstallSeccomp>},
      {"filter without its installation", [](auto& plan) { plan.seccomp.reset(); }},
      {"no egress rules", drop<InstallEgress>},
      {"egress rules twice", twice<InstallEgress>},
      {"egress rules nobody has", [](auto& plan) { plan.egress.reset(); }},
      {"ruleset nobody has", [](auto& plan) { plan.landlock.abi = 0; }},
      {"bind mount nobody prepared", [](auto& plan) { plan.detached.clear(); }},
  };
  for (const auto& [name, mutate] : mutations) {
    LaunchPlan plan = good_plan();
    mutate(plan);
    const Status status = check_invariants(plan);
    ASSERT_FALSE(status) << name;
    EXPECT_EQ(status.error().code, ErrorCode::internal) << name;
    EXPECT_EQ(status.error().text.rfind("plan invariant broken: ", 0), 0U) << status.error().text;
  }
}

TEST(Invariants, TheSandboxIsTheConfigsOwnInPassthrough) {
  LaunchPlan plan = plan_of(minimal_spec()).value();
  EXPECT_TRUE(check_invariants(plan));
  drop<DropBounding>(plan);
  EXPECT_FALSE(check_invariants(plan));
}

}  // namespace
}  // namespace nucleus::plan
