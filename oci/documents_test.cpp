#include "oci/documents.hpp"

#include <gtest/gtest.h>

#include "oci/document.hpp"
#include "oci/json.hpp"
#include "oci/test_files.hpp"
#include "oci/validate.hpp"

namespace nucleus::oci {
namespace {

StateDocument sample() {
  return {.id = "c1",
          .pid = 42,
          .status = "running",
          .bundle = "/b",
          .rootfs = "/b/rootfs",
          .created = "2026-01-02T03:04:05Z",
          .annotations = {{"k", "v"}},
          .owner = ""};
}

TEST(State, MembersStandInRuncsOrder) {
  EXPECT_EQ(to_json(sample(), -1),
            R"({"ociVersion":"1.3.0","id":"c1","pid":42,"status":"running","bundle":"/b","rootfs":"/b/rootfs",)"
            R"("created":"2026-01-02T03:04:05Z","annotations":{"k":"v"},"owner":""})");
}

TEST(State, StoppedHasPidZeroAndNoEmptyAnnotations) {
  StateDocument state = sample();
  state.pid = 0;
  state.annotations.clear();
  const Json document = Json::parse(to_json(state));
  EXPECT_EQ(document["pid"], 0);
  EXPECT_FALSE(document.contains("annotations"));
}

TEST(HookState, HoldsOnlyWhatTheSpecNames) {
  EXPECT_EQ(hook_state_json(sample()),
            R"({"ociVersion":"1.3.0","id":"c1","status":"running","pid":42,"bundle":"/b","annotations":{"k":"v"}})");
}

HostFacts modern_host() {
  HostFacts facts;
  facts.kernel_release = "6.18.5-amd64";
  return facts;
}

TEST(Features, MatchTheGoldenFile) {
  Json expected = Json::parse(testing::read_source("oci/testdata/features.json"));
  expected["annotations"]["io.nucleus.version"] = NUCLEUS_VERSION;
  EXPECT_EQ(Json::parse(features_json(modern_host())), expected);
}

TEST(Features, SeccompFlagsFollowTheHost) {
  const auto flags = [](const std::string& release, bool seccomp) {
    HostFacts facts;
    facts.kernel_release = release;
    facts.seccomp = seccomp;
    return Json::parse(features_json(facts))["linux"]["seccomp"]["supportedFlags"].size();
  };
  EXPECT_EQ(flags("6.18.5", true), 4U);
  EXPECT_EQ(flags("5.19.0", true), 4U);
  EXPECT_EQ(flags("5.18.9", true), 3U);
  EXPECT_EQ(flags("5", true), 3U);
  EXPECT_EQ(flags("", true), 3U);
  EXPECT_EQ(flags("6.18.5", false), 0U);
}

TEST(DefaultConfig, MeansWhatRuncsMeans) {
  Json runc = Json::parse(testing::read_fixture("runc-spec.json"));
  runc["ociVersion"] = kSpecVersion;
  EXPECT_EQ(Json::parse(default_config_json(false)), runc);
}

// The one difference: a network of the container's own, and so a sysfs of its own instead of the host's.
TEST(DefaultConfig, RootlessHasItsOwnNetwork) {
  Json runc = Json::parse(testing::read_fixture("runc-spec-rootless.json"));
  runc["ociVersion"] = kSpecVersion;
  runc["linux"]["uidMappings"][0]["hostID"] = ::geteuid();  // the fixture was captured as root
  runc["linux"]["gidMappings"][0]["hostID"] = ::getegid();
  Json& namespaces = runc["linux"]["namespaces"];
  namespaces.insert(namespaces.begin() + 1, Json{{"type", "network"}});
  for (Json& mount : runc["mounts"]) {
    if (mount["destination"] == "/sys") {
      mount["type"] = mount["source"] = "sysfs";
      mount["options"] = {"nosuid", "noexec", "nodev", "ro"};
    }
  }
  EXPECT_EQ(Json::parse(default_config_json(true)), runc);
}

TEST(DefaultConfig, IsValid) {
  for (const bool rootless : {false, true}) {
    const auto spec = parse_spec(default_config_json(rootless), "config.json");
    ASSERT_TRUE(spec) << spec.error().text;
    EXPECT_TRUE(validate(*spec));
  }
}

}  // namespace
}  // namespace nucleus::oci
