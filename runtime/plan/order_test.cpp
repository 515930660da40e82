#include "runtime/plan/order.hpp"

#include <gtest/gtest.h>

#include <set>

#include "runtime/plan/test_support.hpp"

namespace nucleus::plan {
namespace {

using namespace test;

// One of every action that exists.
template <std::size_t... Index>
std::vector<InitAction> every_action(std::index_sequence<Index...>) {
  return {InitAction(std::in_place_index<Index>)...};
}
std::vector<InitAction> every_action() {
  return every_action(std::make_index_sequence<std::variant_size_v<InitAction>>{});
}

TEST(Order, EveryPhaseHasAnActionAndANameOfItsOwn) {
  std::set<Phase> phases;
  std::set<std::string_view> names;
  for (const auto& action : every_action()) {
    phases.insert(phase_of(action));
    names.insert(phase_name(phase_of(action)));
  }
  constexpr auto kPhases = static_cast<std::size_t>(Phase::execute) + 1;
  EXPECT_EQ(phases.size(), kPhases);
  EXPECT_EQ(names.size(), kPhases);
  EXPECT_EQ(names.count(""), 0U);
  EXPECT_EQ(phase_name(Phase::join_namespaces), "join-namespaces");
  EXPECT_EQ(phase_name(Phase::wait), "wait");
  EXPECT_EQ(phase_name(Phase::execute), "execute");
}

TEST(Order, EveryActionHasADescription) {
  std::set<std::string> texts;
  for (const auto& action : every_action()) {
    texts.insert(describe({action}));
  }
  EXPECT_EQ(texts.size(), std::variant_size_v<InitAction>);
}

TEST(Order, ArrangeSortsByPhaseAndKeepsTheOrderWithin) {
  std::vector<InitOp> ops;
  for (const auto& action : every_action()) {
    ops.push_back({action});
  }
  std::reverse(ops.begin(), ops.end());
  ops.push_back({MaskPath{"/first"}});
  ops.push_back({MaskPath{"/second"}});
  arrange(ops);
  EXPECT_TRUE(std::ranges::is_sorted(ops, {}, [](const InitOp& op) { return phase_of(op.action); }));
  std::vector<std::string> masks;
  for (const InitOp& op : ops) {
    if (const auto* mask = std::get_if<MaskPath>(&op.action)) {
      masks.push_back(mask->path);
    }
  }
  EXPECT_EQ(masks, (std::vector<std::string>{"", "/first", "/second"}));
}

// architecture.md "The order of the last steps", as phases.
TEST(Order, WhatMustNotComeEarlier) {
  const auto before = [](Phase a, Phase b) { return a < b; };
  EXPECT_TRUE(before(Phase::mounts, Phase::pivot));
  EXPECT_TRUE(before(Phase::runtime_hooks, Phase::container_hooks));
  EXPECT_TRUE(before(Phase::container_hooks, Phase::pivot));
  EXPECT_TRUE(before(Phase::pivot, Phase::paths));
  EXPECT_TRUE(before(Phase::paths, Phase::sysctls));
  EXPECT_TRUE(before(Phase::release, Phase::executable)) << "CVE-2024-21626: chdir through a leaked descriptor";
  EXPECT_TRUE(before(Phase::executable, Phase::wait)) << "a missing program must fail `create`";
  EXPECT_TRUE(before(Phase::wait, Phase::bounding));
  EXPECT_TRUE(before(Phase::landlock, Phase::start_hooks));
  EXPECT_TRUE(before(Phase::start_hooks, Phase::descriptors));
}

TEST(Order, ConfinementOfALaunchClosesInOneWay) {
  oci::Spec spec = minimal_spec();
  spec.linux.seccomp.emplace();
  spec.process->apparmor_profile = "profile";
  const auto plan = plan_of(spec, host_facts(), request(), Mode::strict_agent, 7).value();
  EXPECT_LT(position<WaitForStart>(plan), position<DropBounding>(plan));
  EXPECT_LT(position<DropBounding>(plan), position<SetIds>(plan));
  EXPECT_LT(position<SetIds>(plan), position<SetCapabilities>(plan));
  EXPECT_LT(position<SetCapabilities>(plan), position<NoNewPrivileges>(plan));
  EXPECT_LT(position<NoNewPrivileges>(plan), position<SecurityLabel>(plan));
  EXPECT_LT(position<SecurityLabel>(plan), position<EnterLandlock>(plan));
  EXPECT_LT(position<EnterLandlock>(plan), position<CloseDescriptors>(plan));
  EXPECT_LT(position<CloseDescriptors>(plan), position<InstallSeccomp>(plan));
  EXPECT_LT(position<InstallSeccomp>(plan), position<Execute>(plan));
  EXPECT_EQ(position<Execute>(plan) + 1, plan.init.size());
  EXPECT_LT(position<PrepareLandlock>(plan), position<SetIds>(plan)) << "paths are opened while the ids still may";
}

}  // namespace
}  // namespace nucleus::plan
