#include "hardening/test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using ::testing::HasSubstr;

oci::Spec with(std::vector<oci::SeccompRule> rules, std::string fallback = "SCMP_ACT_ERRNO") {
  auto spec = plain_spec();
  spec.linux.seccomp.emplace();
  spec.linux.seccomp->default_action = std::move(fallback);
  spec.linux.seccomp->syscalls = std::move(rules);
  return spec;
}

std::vector<std::string> allowed(const RuleRun& run) {
  std::vector<std::string> names;
  for (const auto& rule : run.spec.linux.seccomp->syscalls) {
    if (rule.action == "SCMP_ACT_ALLOW") {
      names.insert(names.end(), rule.names.begin(), rule.names.end());
    }
  }
  std::ranges::sort(names);
  return names;
}

TEST(SeccompRule, WithoutAProfileThePolicysApplies) {
  const auto run = run_rule(harden_seccomp, plain_spec(), Mode::strict_agent);
  ASSERT_TRUE(run.status) << run.error();
  EXPECT_EQ(allowed(run), (std::vector<std::string>{"read", "write"}));
  EXPECT_EQ(run.count(FindingKind::tightened), 1U);
  EXPECT_FALSE(run_rule(harden_seccomp, run.spec).changed());
}

TEST(SeccompRule, IntersectsWithTheConfigs) {
  const auto run = run_rule(harden_seccomp, with({{{"read", "ptrace"}, "SCMP_ACT_ALLOW", {}, {}, {}}}));
  EXPECT_EQ(allowed(run), (std::vector<std::string>{"read"}));
}

TEST(SeccompRule, UnconfinedIsARequestUnderPodman) {
  auto spec = plain_spec();
  spec.annotations["io.container.manager"] = "libpod";
  EXPECT_THAT(run_rule(harden_seccomp, spec, Mode::strict_agent).error(), HasSubstr("request seccomp-unconfined"));
  const auto agent = run_rule(harden_seccomp, spec);
  EXPECT_EQ(agent.count(FindingKind::dropped), 1U);
  EXPECT_TRUE(agent.spec.linux.seccomp);
  const auto granted = run_rule(harden_seccomp, spec, Mode::strict_agent, small_policy({"seccomp-unconfined"}));
  EXPECT_FALSE(granted.spec.linux.seccomp);
  EXPECT_EQ(granted.count(FindingKind::granted), 1U);
}

TEST(SeccompRule, UnknownNames) {
  const auto newer =
      run_rule(harden_seccomp, with({{{"read", "from_the_future"}, "SCMP_ACT_ALLOW", {}, {}, {}}}), Mode::strict_agent);
  ASSERT_TRUE(newer.status) << newer.error();
  EXPECT_EQ(newer.count(FindingKind::note), 1U);
  EXPECT_THAT(newer.report.findings.front().reason, HasSubstr("from_the_future"));
  EXPECT_EQ(allowed(newer), (std::vector<std::string>{"read"}));
  for (const Mode mode : {Mode::agent, Mode::strict_agent}) {
    EXPECT_THAT(
        run_rule(harden_seccomp, with({{{"ptrac"}, "SCMP_ACT_KILL", {}, {}, {}}}, "SCMP_ACT_ALLOW"), mode).error(),
        HasSubstr("linux.seccomp.syscalls[0].names[0]: unknown system call \"ptrac\""));
    EXPECT_THAT(run_rule(harden_seccomp, with({{{"read", "Read!"}, "SCMP_ACT_ALLOW", {}, {}, {}}}), mode).error(),
                HasSubstr("syscalls[0].names[1]"));
  }
  EXPECT_TRUE(run_rule(harden_seccomp, with({{{"mseal"}, "SCMP_ACT_ERRNO", {}, {}, {}}}, "SCMP_ACT_ALLOW")).status);
}

}  // namespace
}  // namespace nucleus::hardening
