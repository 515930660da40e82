#include "hardening/namespace_text.hpp"
#include "hardening/test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using ::testing::HasSubstr;

void remove(oci::Spec& spec, std::string_view type) {
  std::erase_if(spec.linux.namespaces, [&](const oci::Namespace& entry) { return entry.type == type; });
}

void set_path(oci::Spec& spec, std::string_view type, const std::string& path) {
  std::ranges::find(spec.linux.namespaces, type, &oci::Namespace::type)->path = path;
}

TEST(Namespaces, AddsWhatIsLeftOut) {
  auto spec = plain_spec();
  remove(spec, "uts");
  remove(spec, "mount");
  const auto run = run_rule(harden_namespaces, spec);
  ASSERT_TRUE(run.status) << run.error();
  for (const auto* const type : {"mount", "uts", "cgroup", "time"}) {
    EXPECT_NE(find_namespace(run.spec, type), nullptr) << type;
  }
  EXPECT_EQ(run.count(FindingKind::tightened), 4U);
  EXPECT_EQ(run.report.findings.front().path, "/linux/namespaces/3");
}

TEST(Namespaces, NoTimeNamespaceWhereTheKernelHasNone) {
  auto facts = root_facts();
  facts.time_namespaces = false;
  const auto run = run_rule(harden_namespaces, plain_spec(), Mode::agent, small_policy(), facts);
  EXPECT_EQ(find_namespace(run.spec, "time"), nullptr);
}

struct HostCase {
  const char* type;
  const char* grant;
};

class HostNamespaces : public ::testing::TestWithParam<HostCase> {};

TEST_P(HostNamespaces, AreRefusedInEveryModeWithTheWayOut) {
  auto spec = plain_spec();
  remove(spec, GetParam().type);
  for (const Mode mode : {Mode::agent, Mode::strict_agent, Mode::production}) {
    const auto run = run_rule(harden_namespaces, spec, mode);
    EXPECT_THAT(run.error(), HasSubstr(std::string("request ") + GetParam().grant)) << mode_name(mode);
    EXPECT_THAT(run.error(), HasSubstr("rule namespaces"));
    EXPECT_THAT(run.error(), HasSubstr(std::string("grants = [\"") + GetParam().grant +
                                       "\"] to policy.toml of policy set \"default\""));
    EXPECT_THAT(run.error(), HasSubstr(std::string("--grant ") + GetParam().grant));
    EXPECT_EQ(run.status.error().code, ErrorCode::policy);
  }
}

TEST_P(HostNamespaces, StayWhenGranted) {
  auto spec = plain_spec();
  remove(spec, GetParam().type);
  const auto run = run_rule(harden_namespaces, spec, Mode::strict_agent, small_policy({GetParam().grant}));
  ASSERT_TRUE(run.status) << run.error();
  EXPECT_EQ(find_namespace(run.spec, GetParam().type), nullptr);
  EXPECT_EQ(run.count(FindingKind::granted), 1U);
  EXPECT_EQ(run.report.findings.front().origin, "command line");
}

INSTANTIATE_TEST_SUITE_P(All, HostNamespaces,
                         ::testing::Values(HostCase{"pid", "host-pid"}, HostCase{"network", "host-network"},
                                           HostCase{"ipc", "host-ipc"}),
                         [](const auto& instance) { return std::string(instance.param.type); });

TEST(Namespaces, APathToTheHostsNamespaceIsARequestToo) {
  auto spec = plain_spec();
  set_path(spec, "network", "/proc/1/ns/net");
  EXPECT_THAT(run_rule(harden_namespaces, spec).error(), HasSubstr("/proc/1/ns/net is"));
  set_path(spec, "network", "/somewhere/unseen");
  EXPECT_THAT(run_rule(harden_namespaces, spec).error(), HasSubstr("request host-network"));
  set_path(spec, "network", "/run/netns/own");
  EXPECT_TRUE(run_rule(harden_namespaces, spec).status);
}

TEST(Namespaces, OthersAreDetachedFromTheHost) {
  auto spec = plain_spec();
  set_path(spec, "uts", "/proc/1/ns/net");
  const auto run = run_rule(harden_namespaces, spec);
  ASSERT_TRUE(run.status) << run.error();
  EXPECT_EQ(find_namespace(run.spec, "uts")->path, "");
}

TEST(Namespaces, SomebodyElsesMountNamespaceIsNotRebuilt) {
  auto spec = plain_spec();
  set_path(spec, "mount", "/proc/9/ns/mnt");
  auto facts = root_facts();
  facts.namespace_paths["/proc/9/ns/mnt"] = {true, false};
  const auto run = run_rule(harden_namespaces, spec, Mode::agent, small_policy(), facts);
  ASSERT_TRUE(run.status) << run.error();
  EXPECT_EQ(find_namespace(run.spec, "mount")->path, "");
  EXPECT_EQ(run.count(FindingKind::dropped), 1U);
  EXPECT_FALSE(run_rule(harden_namespaces, spec, Mode::strict_agent, small_policy(), facts).status);
}

TEST(Namespaces, ProductionDemandsAUserNamespace) {
  auto spec = plain_spec();
  EXPECT_THAT(run_rule(harden_namespaces, spec, Mode::production).error(), HasSubstr("control user-namespace"));
  EXPECT_TRUE(run_rule(harden_namespaces, spec, Mode::strict_agent).status);
  auto rootless = root_facts();
  rootless.in_user_namespace = true;
  EXPECT_TRUE(run_rule(harden_namespaces, spec, Mode::production, small_policy(), rootless).status);
  spec.linux.namespaces.push_back({"user", "", {}});
  EXPECT_TRUE(run_rule(harden_namespaces, spec, Mode::production).status);
}

}  // namespace
}  // namespace nucleus::hardening
