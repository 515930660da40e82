#include "hardening/test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Names = std::vector<std::string>;

oci::Process init_process() {
  oci::Process init;
  init.no_new_privileges = true;
  init.capabilities.emplace();
  init.apparmor_profile = "nucleus";
  init.selinux_label = "label";
  init.oom_score_adj = 100;
  init.rlimits = {{"RLIMIT_CORE", 0, 0, {}}, {"RLIMIT_NOFILE", 1024, 512, {}}};
  return init;
}

oci::Process joining(const Names& names) {
  oci::Process process;
  process.args = {"sh"};
  process.capabilities = oci::Capabilities{names, names, names, names, names, {}};
  return process;
}

Result<HardenedProcess> exec(const oci::Process& process, const oci::Process& init, Mode mode = Mode::strict_agent,
                             const Policy& policy = small_policy()) {
  return harden_process(process, init, policy, root_facts(), mode);
}

TEST(Exec, EngineDefaultsAreNarrowedSilently) {
  const auto out = exec(joining({"CAP_CHOWN", "CAP_KILL"}), init_process());
  ASSERT_TRUE(out) << out.error().text;
  EXPECT_EQ(*out->process.capabilities, oci::Capabilities{});
  EXPECT_EQ(out->report.findings.front().path, "/capabilities/bounding") << "paths point into process.json";
}

TEST(Exec, PrivilegedIsARequest) {
  const Names all(kCapabilityNames.begin(), kCapabilityNames.end());
  const auto strict = exec(joining(all), init_process());
  ASSERT_FALSE(strict);
  EXPECT_THAT(strict.error().text, HasSubstr("CAP_SYS_ADMIN"));
  const auto agent = exec(joining(all), init_process(), Mode::agent);
  ASSERT_TRUE(agent);
  EXPECT_EQ(*agent->process.capabilities, oci::Capabilities{});
  EXPECT_EQ(agent->report.findings.front().kind, FindingKind::dropped);
}

TEST(Exec, NeverMoreThanInitsBoundingSetEvenWithAGrant) {
  const auto policy = small_policy({"capability:CAP_SYS_ADMIN", "capability:CAP_NET_ADMIN"});
  auto init = init_process();
  init.capabilities->bounding = {"CAP_NET_ADMIN"};
  EXPECT_FALSE(exec(joining({"CAP_SYS_ADMIN"}), init, Mode::strict_agent, policy));
  const auto out = exec(joining({"CAP_NET_ADMIN", "CAP_CHOWN"}), init, Mode::strict_agent, policy);
  ASSERT_TRUE(out) << out.error().text;
  EXPECT_THAT(out->process.capabilities->effective, ElementsAre("CAP_NET_ADMIN"));
  EXPECT_THAT(out->process.capabilities->bounding, ElementsAre("CAP_NET_ADMIN"));
}

TEST(Exec, AnInitWithoutCapabilitiesMeansNone) {
  auto init = init_process();
  init.capabilities.reset();
  EXPECT_EQ(*exec(joining({"CAP_CHOWN"}), init)->process.capabilities, oci::Capabilities{});
}

TEST(Exec, TakesInitsConfinement) {
  auto process = joining({});
  process.apparmor_profile = "unconfined";
  process.oom_score_adj = -1000;
  process.rlimits = {{"RLIMIT_NOFILE", 4096, 4096, {}}, {"RLIMIT_CORE", 5, 5, {}}};
  process.user.uid = 7;
  const auto out = exec(process, init_process());
  ASSERT_TRUE(out) << out.error().text;
  EXPECT_TRUE(out->process.no_new_privileges);
  EXPECT_EQ(out->process.apparmor_profile, "nucleus");
  EXPECT_EQ(out->process.selinux_label, "label");
  EXPECT_EQ(out->process.oom_score_adj, 100);
  EXPECT_EQ(out->process.user.uid, 7U);
  EXPECT_THAT(out->process.rlimits,
              ElementsAre(oci::Rlimit{"RLIMIT_NOFILE", 1024, 1024, {}}, oci::Rlimit{"RLIMIT_CORE", 0, 0, {}}));
}

TEST(Exec, IdempotentAndUntouchedInPassthrough) {
  const auto once = exec(joining({"CAP_CHOWN"}), init_process());
  const auto twice = exec(once->process, init_process());
  EXPECT_EQ(twice->process, once->process);
  EXPECT_THAT(twice->report.findings, IsEmpty());
  const auto process = joining({"CAP_SYS_ADMIN"});
  EXPECT_EQ(exec(process, init_process(), Mode::passthrough)->process, process);
}

}  // namespace
}  // namespace nucleus::hardening
