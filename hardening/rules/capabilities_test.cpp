#include "hardening/rules/capabilities.hpp"

#include "hardening/test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Names = std::vector<std::string>;

oci::Spec with_everywhere(const Names& names) {
  auto spec = plain_spec();
  spec.process->capabilities = oci::Capabilities{names, names, names, names, names, {}};
  return spec;
}

Names engine_defaults() { return {kEngineDefaultCapabilities.begin(), kEngineDefaultCapabilities.end()}; }

TEST(Capabilities, EngineDefaultsAreNarrowedSilentlyInEveryMode) {
  for (const Mode mode : {Mode::agent, Mode::strict_agent, Mode::production}) {
    const auto run = run_rule(harden_capabilities, with_everywhere(engine_defaults()), mode);
    ASSERT_TRUE(run.status) << run.error();
    EXPECT_EQ(*run.spec.process->capabilities, oci::Capabilities{});
    EXPECT_EQ(run.count(FindingKind::tightened), 5U);
    EXPECT_EQ(run.count(FindingKind::dropped), 0U);
  }
}

TEST(Capabilities, AbsentStaysAbsent) {
  const auto run = run_rule(harden_capabilities, plain_spec());
  EXPECT_FALSE(run.spec.process->capabilities);
  EXPECT_THAT(run.report.findings, IsEmpty());
}

TEST(Capabilities, AnAddedOneIsARequest) {
  const auto spec = with_everywhere({"CAP_CHOWN", "CAP_NET_ADMIN"});
  const auto agent = run_rule(harden_capabilities, spec);
  ASSERT_TRUE(agent.status);
  EXPECT_EQ(*agent.spec.process->capabilities, oci::Capabilities{});
  EXPECT_EQ(agent.count(FindingKind::dropped), 5U);
  const auto strict = run_rule(harden_capabilities, spec, Mode::strict_agent);
  EXPECT_THAT(strict.error(), HasSubstr("capability:CAP_NET_ADMIN"));
  EXPECT_THAT(strict.error(), ::testing::Not(HasSubstr("CAP_CHOWN")));
}

TEST(Capabilities, PrivilegedIsOneErrorThatNamesThemAll) {
  Names all(kCapabilityNames.begin(), kCapabilityNames.end());
  const auto run = run_rule(harden_capabilities, with_everywhere(all), Mode::strict_agent);
  EXPECT_THAT(run.error(), HasSubstr("capability:CAP_SYS_ADMIN"));
  EXPECT_THAT(run.error(), HasSubstr("capability:CAP_BPF"));
}

TEST(Capabilities, AGrantKeepsTheSetsTheConfigHasItIn) {
  auto spec = plain_spec();
  spec.process->capabilities.emplace();
  spec.process->capabilities->bounding = {"CAP_CHOWN", "CAP_NET_ADMIN"};
  spec.process->capabilities->effective = {"CAP_NET_ADMIN"};
  spec.process->capabilities->inheritable = {"CAP_NET_ADMIN"};
  const auto run = run_rule(harden_capabilities, spec, Mode::strict_agent, small_policy({"capability:NET_ADMIN"}));
  ASSERT_TRUE(run.status) << run.error();
  EXPECT_THAT(run.spec.process->capabilities->bounding, ElementsAre("CAP_NET_ADMIN"));
  EXPECT_THAT(run.spec.process->capabilities->effective, ElementsAre("CAP_NET_ADMIN"));
  EXPECT_THAT(run.spec.process->capabilities->permitted, IsEmpty());
  EXPECT_THAT(run.spec.process->capabilities->inheritable, IsEmpty());
  EXPECT_EQ(run.count(FindingKind::granted), 1U);
}

TEST(Capabilities, InheritableHoldsOnlyWhatAmbientNeeds) {
  auto policy = small_policy({"capability:CAP_NET_ADMIN"});
  const auto run = run_rule(harden_capabilities, with_everywhere({"CAP_CHOWN", "CAP_NET_ADMIN"}), Mode::agent, policy);
  EXPECT_THAT(run.spec.process->capabilities->ambient, ElementsAre("CAP_NET_ADMIN"));
  EXPECT_THAT(run.spec.process->capabilities->inheritable, ElementsAre("CAP_NET_ADMIN"));
}

TEST(Capabilities, PolicyKeepsPerSet) {
  auto policy = small_policy();
  policy.keep_bounding = {"CAP_CHOWN", "CAP_KILL"};
  policy.keep_ambient = {"CAP_KILL"};
  const auto run =
      run_rule(harden_capabilities, with_everywhere({"CAP_CHOWN", "CAP_SETUID", "CAP_KILL"}), Mode::agent, policy);
  const auto& capabilities = *run.spec.process->capabilities;
  EXPECT_THAT(capabilities.bounding, ElementsAre("CAP_CHOWN", "CAP_KILL"));
  EXPECT_THAT(capabilities.permitted, ElementsAre("CAP_CHOWN", "CAP_KILL"));
  EXPECT_THAT(capabilities.ambient, ElementsAre("CAP_KILL"));
}

}  // namespace
}  // namespace nucleus::hardening
