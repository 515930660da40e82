#include <gtest/gtest.h>

#include "hardening/harden.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

oci::Spec with_policy(const std::string& policy, int nice) {
  oci::Spec spec;
  spec.process.emplace();
  spec.process->scheduler = oci::Scheduler{};
  spec.process->scheduler->policy = policy;
  spec.process->scheduler->nice = nice;
  return spec;
}

Status apply(oci::Spec& spec, const Policy& policy, Mode mode) {
  const HostFacts facts;
  Report report;
  RuleContext context(spec, policy, facts, mode, report);
  return harden_scheduling(context);
}

TEST(Scheduling, RealtimeIsARequest) {
  for (const auto& [name, nice] : std::vector<std::pair<std::string, int>>{
           {"SCHED_FIFO", 0}, {"SCHED_RR", 0}, {"SCHED_DEADLINE", 0}, {"SCHED_OTHER", -1}}) {
    oci::Spec agent = with_policy(name, nice);
    ASSERT_TRUE(apply(agent, {}, Mode::agent));
    EXPECT_FALSE(agent.process->scheduler) << name;
    oci::Spec strict = with_policy(name, nice);
    EXPECT_FALSE(apply(strict, {}, Mode::strict_agent)) << name;
    Policy granting;
    granting.grants.push_back({GrantKind::realtime, "", "test"});
    oci::Spec granted = with_policy(name, nice);
    ASSERT_TRUE(apply(granted, granting, Mode::strict_agent));
    EXPECT_TRUE(granted.process->scheduler) << name;
  }
}

TEST(Scheduling, OrdinarySettingsStay) {
  oci::Spec spec = with_policy("SCHED_BATCH", 5);
  spec.process->io_priority = oci::IoPriority{};
  spec.process->io_priority->io_class = "IOPRIO_CLASS_BE";
  const oci::Spec before = spec;
  ASSERT_TRUE(apply(spec, {}, Mode::strict_agent));
  EXPECT_EQ(spec, before);
}

TEST(Scheduling, RealtimeIoIsARequest) {
  oci::Spec spec;
  spec.process.emplace();
  spec.process->io_priority = oci::IoPriority{};
  spec.process->io_priority->io_class = "IOPRIO_CLASS_RT";
  oci::Spec strict = spec;
  EXPECT_FALSE(apply(strict, {}, Mode::strict_agent));
  ASSERT_TRUE(apply(spec, {}, Mode::agent));
  EXPECT_FALSE(spec.process->io_priority);
}

}  // namespace
}  // namespace nucleus::hardening
