#include "runtime/plan/cgroup_systemd.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/document.hpp"
#include "runtime/plan/cgroup_settings.hpp"
#include "runtime/plan/test_support.hpp"

namespace nucleus::plan {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

UnitPlan unit(const std::string& path, const std::string& id = "box", bool rootless = false) {
  return plan_unit(path, id, rootless).value();
}

std::string problem(const std::string& path, const std::string& id = "box") {
  const auto planned = plan_unit(path, id, false);
  return planned ? "no error: " + planned->name : planned.error().text;
}

TEST(Systemd, SliceIsAPath) {
  EXPECT_EQ(expand_slice("-.slice").value(), "");
  EXPECT_EQ(expand_slice("machine.slice").value(), "/machine.slice");
  EXPECT_EQ(expand_slice("a-b-c.slice").value(), "/a.slice/a-b.slice/a-b-c.slice");
  for (const char* wrong : {"", ".slice", "a", "a.scope", "-a.slice", "a-.slice", "a--b.slice", "a/b.slice",
                            "../a.slice", "a b.slice", "--.slice"}) {
    EXPECT_FALSE(expand_slice(wrong)) << wrong;
  }
}

TEST(Systemd, PathNamesSliceAndScope) {
  const auto podman = unit("machine.slice:libpod:4711");
  EXPECT_EQ(podman.name, "libpod-4711.scope");
  EXPECT_EQ(podman.slice, "machine.slice");
  EXPECT_EQ(podman.path, "/machine.slice/libpod-4711.scope");
  EXPECT_EQ(podman.description, "nucleus container box");
  EXPECT_FALSE(podman.user_manager);
  EXPECT_EQ(unit("a-b.slice:p:n").path, "/a.slice/a-b.slice/p-n.scope");
}

TEST(Systemd, DefaultsAreRunc) {
  EXPECT_EQ(unit("").path, "/system.slice/nucleus-box.scope");
  EXPECT_EQ(unit(":p:n").path, "/system.slice/p-n.scope");
  EXPECT_EQ(unit(":p:n", "box", true).path, "/user.slice/p-n.scope");
  EXPECT_TRUE(unit(":p:n", "box", true).user_manager);
  EXPECT_EQ(unit("::n").name, "-n.scope");
  EXPECT_EQ(unit(":p:n.scope").name, "p-n.scope.scope");
}

TEST(Systemd, NamesAreEscaped) {
  EXPECT_EQ(escape_unit_name("a+b c/\xff"), "a\\x2bb\\x20c\\x2f\\xff");
  EXPECT_EQ(unit("", "a+b").name, "nucleus-a\\x2bb.scope");
  EXPECT_EQ(unit(":p:../x").path, "/system.slice/p-..\\x2fx.scope");
}

TEST(Systemd, WrongPaths) {
  for (const char* path : {"/abs/path", "relative", "a:b", "a:b:c:d"}) {
    EXPECT_THAT(problem(path),
                HasSubstr("expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups"));
  }
  EXPECT_THAT(problem("a.slice:b:"), HasSubstr("names no scope"));
  EXPECT_THAT(problem(":b:user.slice"), HasSubstr("a slice holds no processes"));
  EXPECT_THAT(problem("user:b:c"), HasSubstr("not the name of a slice"));
  EXPECT_THAT(problem("../x.slice:b:c"), HasSubstr("no unit's name"));
  EXPECT_THAT(problem("", std::string(250, 'x')), HasSubstr("at most 255"));
}

std::vector<UnitProperty> limits(const std::string& resources, CgroupLayout layout) {
  const auto parsed = oci::parse_resources(resources, "resources").value();
  return limit_properties(layout == CgroupLayout::v2 ? v2_settings(parsed) : v1_settings(parsed), layout);
}

constexpr const char* kLimits = R"({
  "memory": {"limit": 1000, "swap": 3000, "reservation": 500},
  "cpu": {"shares": 1024, "quota": 12345, "period": 50000, "cpus": "0-2,9", "mems": "0"},
  "pids": {"limit": 32}, "blockIO": {"weight": 500}, "unified": {"memory.high": "900", "memory.min": "max"}})";

TEST(Systemd, LimitsOfV2AreProperties) {
  EXPECT_THAT(
      limits(kLimits, CgroupLayout::v2),
      ElementsAre(UnitProperty{"MemoryMax", std::uint64_t{1000}}, UnitProperty{"MemorySwapMax", std::uint64_t{2000}},
                  UnitProperty{"MemoryLow", std::uint64_t{500}}, UnitProperty{"CPUWeight", std::uint64_t{39}},
                  UnitProperty{"CPUQuotaPerSecUSec", std::uint64_t{250000}},
                  UnitProperty{"CPUQuotaPeriodUSec", std::uint64_t{50000}},
                  UnitProperty{"AllowedCPUs", std::vector<std::uint8_t>{7, 2}},
                  UnitProperty{"AllowedMemoryNodes", std::vector<std::uint8_t>{1}},
                  UnitProperty{"TasksMax", std::uint64_t{32}}, UnitProperty{"IOWeight", std::uint64_t{4950}},
                  UnitProperty{"MemoryHigh", std::uint64_t{900}}, UnitProperty{"MemoryMin", kUnitUnlimited}));
}

TEST(Systemd, LimitsOfV1AreProperties) {
  EXPECT_THAT(
      limits(kLimits, CgroupLayout::hybrid),
      ElementsAre(UnitProperty{"MemoryLimit", std::uint64_t{1000}}, UnitProperty{"CPUShares", std::uint64_t{1024}},
                  UnitProperty{"TasksMax", std::uint64_t{32}}, UnitProperty{"BlockIOWeight", std::uint64_t{500}},
                  UnitProperty{"CPUQuotaPerSecUSec", std::uint64_t{250000}},
                  UnitProperty{"CPUQuotaPeriodUSec", std::uint64_t{50000}}));
}

TEST(Systemd, NoLimitIsInfinity) {
  EXPECT_THAT(
      limits(R"({"pids": {"limit": -1}, "cpu": {"quota": -1}})", CgroupLayout::v2),
      ElementsAre(UnitProperty{"CPUQuotaPerSecUSec", kUnitUnlimited}, UnitProperty{"TasksMax", kUnitUnlimited}));
  EXPECT_THAT(limits("{}", CgroupLayout::v2), IsEmpty());
  EXPECT_THAT(limits(R"({"cpu": {"cpus": "3-1"}})", CgroupLayout::v2), IsEmpty());
}

oci::DeviceRule rule(bool allow, std::string type, std::optional<std::int64_t> major, std::optional<std::int64_t> minor,
                     std::string access = "rwm") {
  return {allow, std::move(type), major, minor, std::move(access), {}};
}

using Allowed = std::vector<std::pair<std::string, std::string>>;

TEST(Systemd, DeviceList) {
  const std::vector<oci::DeviceRule> rules = {rule(true, "c", 9, 9),       rule(false, "", {}, {}),
                                              rule(true, "c", 1, 3, "rw"), rule(true, "b", 8, 0),
                                              rule(true, "c", 136, {}),    rule(true, "c", {}, {}, "m")};
  for (const CgroupLayout layout : {CgroupLayout::v2, CgroupLayout::v1}) {
    EXPECT_THAT(device_properties(rules, layout),
                ElementsAre(UnitProperty{"DevicePolicy", std::string("strict")},
                            UnitProperty{"DeviceAllow", Allowed{{"/dev/char/1:3", "rw"},
                                                                {"/dev/block/8:0", "rwm"},
                                                                {"char-pts", "rwm"},
                                                                {"char-*", "m"}}}));
  }
}

// On v2 the exact rules bind beside systemd's list, so what that cannot say exactly must not make it stricter than the
// config.
TEST(Systemd, DeviceListOfV2NeverForbidsWhatIsAllowed) {
  const UnitProperty anything{"DevicePolicy", std::string("auto")};
  for (const auto& open : {rule(true, "a", {}, {}), rule(true, "c", 240, {}), rule(true, "c", {}, 3)}) {
    const std::vector<oci::DeviceRule> rules = {rule(false, "a", {}, {}), open, rule(false, "c", 1, 3)};
    EXPECT_THAT(device_properties(rules, CgroupLayout::v2), ElementsAre(anything));
  }
}

// On v1 systemd's list replaces the exact rules with the next daemon-reload: it must allow nothing that they deny.
TEST(Systemd, DeviceListOfV1NeverAllowsWhatIsForbidden) {
  const auto list = [](const std::vector<oci::DeviceRule>& rules) {
    return device_properties(rules, CgroupLayout::hybrid);
  };
  const auto strict = [](Allowed names) {
    return std::vector<UnitProperty>{{"DevicePolicy", std::string("strict")}, {"DeviceAllow", std::move(names)}};
  };
  const auto nothing = rule(false, "a", {}, {});
  const auto null = rule(true, "c", 1, 3);
  for (const auto& unnamed : {rule(true, "c", 240, {}), rule(true, "c", {}, 3)}) {
    EXPECT_EQ(list({nothing, unnamed, null}), strict({{"/dev/char/1:3", "rwm"}}));
  }
  EXPECT_EQ(list({nothing, rule(true, "c", {}, {}), null, rule(false, "c", 1, 1)}), strict({{"/dev/char/1:3", "rwm"}}));
  EXPECT_EQ(list({nothing, rule(true, "c", {}, {}, "m"), rule(false, "c", 1, 1, "rw")}), strict({{"char-*", "m"}}));
  EXPECT_EQ(list({rule(true, "a", {}, {}), rule(false, "b", 8, 0), null}), strict({{"/dev/char/1:3", "rwm"}}));
  EXPECT_EQ(list({rule(true, "a", {}, {})}), (std::vector<UnitProperty>{{"DevicePolicy", std::string("auto")}}));
}

// ---- in a plan ------------------------------------------------------------------------------------------------------

Request systemd_request() {
  Request out = test::request();
  out.systemd_cgroup = true;
  return out;
}

TEST(Systemd, UnitOfAPlan) {
  oci::Spec spec = test::minimal_spec();
  spec.linux.cgroups_path = "machine.slice:libpod:1";
  spec.linux.resources.emplace().pids.emplace().limit = 7;
  const auto plan = test::plan_of(spec, test::host_facts(), systemd_request()).value();
  ASSERT_TRUE(plan.cgroup.unit);
  EXPECT_EQ(plan.cgroup.path, "/machine.slice/libpod-1.scope");
  EXPECT_FALSE(plan.cgroup.relative);
  const auto& properties = plan.cgroup.unit->properties;
  EXPECT_THAT(properties, Contains(UnitProperty{"Slice", std::string("machine.slice")}));
  EXPECT_THAT(properties, Contains(UnitProperty{"Delegate", true}));
  EXPECT_THAT(properties, Contains(UnitProperty{"DefaultDependencies", false}));
  EXPECT_THAT(properties, Contains(UnitProperty{"TasksMax", std::uint64_t{7}}));
  EXPECT_THAT(properties, Contains(UnitProperty{"DevicePolicy", std::string("strict")}));
  EXPECT_THAT(plan.cgroup.settings, ElementsAre(CgroupSetting{"pids", "pids.max", "7"}));
}

TEST(Cgroup, ThatTheWorkloadMayWriteToIsBounded) {
  oci::Spec spec = test::minimal_spec();
  const auto settings = [&](CgroupLayout layout) {
    return test::plan_of(spec, test::host_facts(layout), systemd_request()).value().cgroup.settings;
  };
  spec.mounts.push_back({});
  spec.mounts.back().destination = "/sys/fs/cgroup";
  spec.mounts.back().type = "cgroup";
  spec.mounts.back().options = {"ro"};
  const auto read_only = settings(CgroupLayout::v2);
  spec.mounts.back().options = {"rw"};
  EXPECT_EQ(settings(CgroupLayout::v2).size(), read_only.size() + 2);
  EXPECT_THAT(settings(CgroupLayout::v2), Contains(CgroupSetting{"", "cgroup.max.depth", "32", true}));
  EXPECT_THAT(settings(CgroupLayout::v2), Contains(CgroupSetting{"", "cgroup.max.descendants", "4096", true}));
}

// podman copies an image's annotations: none of them may set a property of a unit of the host's systemd.
TEST(Systemd, AnnotationsSetNoProperty) {
  oci::Spec spec = test::minimal_spec();
  const auto plain = test::plan_of(spec, test::host_facts(), systemd_request()).value();
  spec.annotations = {{"org.systemd.property.PIDs", "[1]"},
                      {"org.systemd.property.Slice", "'init.slice'"},
                      {"org.systemd.property.TimeoutStopUSec", "uint64 1"}};
  EXPECT_EQ(test::plan_of(spec, test::host_facts(), systemd_request()).value().cgroup.unit, plain.cgroup.unit);
}

TEST(Systemd, WithoutRootTheUserManager) {
  HostFacts facts = test::host_facts();
  facts.in_user_namespace = true;
  const auto plan = test::plan_of(test::minimal_spec(), facts, systemd_request()).value();
  EXPECT_TRUE(plan.cgroup.unit->user_manager);
  EXPECT_FALSE(plan.cgroup.device_control);
  EXPECT_EQ(plan.cgroup.path, "/user.slice/nucleus-box.scope");
  facts.cgroup = test::cgroup_facts(CgroupLayout::hybrid);
  EXPECT_FALSE(test::plan_of(test::minimal_spec(), facts, systemd_request()));
  EXPECT_FALSE(test::plan_of(test::minimal_spec(), test::host_facts(CgroupLayout::none), systemd_request()));
}

}  // namespace
}  // namespace nucleus::plan
