#include "hardening/test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

oci::Device node(std::string path, std::string type, std::int64_t major, std::int64_t minor) {
  oci::Device device;
  device.path = std::move(path);
  device.type = std::move(type);
  device.major = major;
  device.minor = minor;
  return device;
}

oci::DeviceRule rule(bool allow, std::string type, std::optional<std::int64_t> major, std::optional<std::int64_t> minor,
                     std::string access) {
  return {allow, std::move(type), major, minor, std::move(access), {}};
}

const oci::DeviceRule kDenyAll = rule(false, "", {}, {}, "rwm");

oci::Spec with_rules(std::vector<oci::DeviceRule> rules) {
  auto spec = plain_spec();
  spec.linux.resources.emplace();
  spec.linux.resources->devices = std::move(rules);
  return spec;
}

std::vector<oci::DeviceRule> rules_of(const RuleRun& run) { return run.spec.linux.resources->devices; }

TEST(Devices, DefaultNodesStayOthersAreRequests) {
  auto spec = plain_spec();
  spec.linux.devices = {node("/dev/null", "c", 1, 3), node("/dev/fuse", "c", 10, 229), node("/dev/sda", "b", 8, 0)};
  const auto agent = run_rule(harden_devices, spec);
  ASSERT_EQ(agent.spec.linux.devices.size(), 1U);
  EXPECT_EQ(agent.count(FindingKind::dropped), 1U);
  EXPECT_THAT(run_rule(harden_devices, spec, Mode::strict_agent).error(),
              HasSubstr("device:/dev/fuse, device:/dev/sda"));
  const auto fuse = run_rule(harden_devices, spec, Mode::agent, small_policy({"device:/dev/fuse"}));
  EXPECT_EQ(fuse.spec.linux.devices.size(), 2U);
}

TEST(Devices, ADiskUnderADefaultNameIsARequest) {
  auto spec = plain_spec();
  spec.linux.devices = {node("/dev/null", "b", 8, 0)};
  EXPECT_THAT(run_rule(harden_devices, spec, Mode::strict_agent).error(), HasSubstr("device:/dev/null"));
  spec.linux.devices = {node("/dev/xnull", "c", 1, 3)};
  EXPECT_FALSE(run_rule(harden_devices, spec, Mode::strict_agent).status);
}

TEST(DeviceRules, AnExplicitListWhateverTheConfigHas) {
  const auto absent = run_rule(harden_device_rules, plain_spec(), Mode::strict_agent);
  const auto denied = run_rule(harden_device_rules, with_rules({kDenyAll}), Mode::strict_agent);
  ASSERT_TRUE(absent.status && denied.status);
  EXPECT_EQ(rules_of(absent), rules_of(denied));
  EXPECT_FALSE(rules_of(absent).front().allow);
  EXPECT_THAT(rules_of(absent), Contains(rule(true, "c", 1, 3, "rwm")));
  EXPECT_THAT(rules_of(absent), Contains(rule(true, "c", 136, {}, "rwm")));
  EXPECT_FALSE(run_rule(harden_device_rules, denied.spec, Mode::strict_agent).changed());
}

TEST(DeviceRules, EngineListsAreNarrowedSilently) {
  const auto spec = with_rules({kDenyAll, rule(true, "c", {}, {}, "m"), rule(true, "b", -1, -1, "m"),
                                rule(true, "c", 1, 5, "rwm"), rule(true, "c", 10, 200, "rwm")});
  const auto run = run_rule(harden_device_rules, spec, Mode::strict_agent);
  ASSERT_TRUE(run.status) << run.error();
  EXPECT_EQ(run.count(FindingKind::tightened), 1U);
  EXPECT_EQ(rules_of(run), rules_of(run_rule(harden_device_rules, plain_spec())));
}

TEST(DeviceRules, PrivilegedIsARequest) {
  const auto spec = with_rules({rule(true, "", {}, {}, "rwm")});
  EXPECT_THAT(run_rule(harden_device_rules, spec, Mode::strict_agent).error(), HasSubstr("'device:a *:*'"));
  const auto agent = run_rule(harden_device_rules, spec);
  EXPECT_EQ(agent.count(FindingKind::dropped), 1U);
  EXPECT_THAT(rules_of(agent), Not(Contains(rule(true, "", {}, {}, "rwm"))));
}

TEST(DeviceRules, GrantsByNumberOrByNode) {
  auto spec = with_rules({kDenyAll, rule(true, "c", 10, 229, "rw")});
  const auto number = run_rule(harden_device_rules, spec, Mode::strict_agent, small_policy({"device:c 10:229"}));
  ASSERT_TRUE(number.status) << number.error();
  EXPECT_THAT(rules_of(number), Contains(rule(true, "c", 10, 229, "rw")));
  spec.linux.devices = {node("/dev/fuse", "c", 10, 229)};  // as harden_devices leaves a granted one
  const auto by_node = run_rule(harden_device_rules, spec, Mode::strict_agent);
  ASSERT_TRUE(by_node.status) << by_node.error();
  EXPECT_THAT(rules_of(by_node), Contains(rule(true, "c", 10, 229, "rw")));
  EXPECT_FALSE(run_rule(harden_device_rules, by_node.spec, Mode::strict_agent).changed());
}

TEST(DeviceRules, ALaterDenialStaysAfterAGrant) {
  const auto policy = small_policy({"device:a *:*"});
  const auto spec = with_rules({rule(true, "a", {}, {}, "rwm"), rule(false, "b", 8, {}, "rwm")});
  const auto run = run_rule(harden_device_rules, spec, Mode::strict_agent, policy);
  EXPECT_THAT(rules_of(run), Contains(rule(false, "b", 8, {}, "rwm")));
  const auto reset = with_rules({rule(true, "a", {}, {}, "rwm"), kDenyAll});
  EXPECT_THAT(rules_of(run_rule(harden_device_rules, reset, Mode::strict_agent)),
              Not(Contains(rule(true, "a", {}, {}, "rwm"))));
}

}  // namespace
}  // namespace nucleus::hardening
