#include "hardening/annotations.hpp"
#include "hardening/test_support.hpp"

namespace nucleus::hardening {
namespace {

using ::testing::HasSubstr;

using Annotations = std::map<std::string, std::string>;

std::string error_of(const Result<Selection>& selection) { return selection ? "" : selection.error().text; }

TEST(Select, CommandLineBeforeAnnotationBeforeHost) {
  HostConfig host;
  EXPECT_EQ(select(host, {}, {})->mode, Mode::agent);
  host.mode = Mode::production;
  EXPECT_EQ(select(host, {}, {})->mode, Mode::production);
  const Annotations annotations = {{"io.nucleus.mode", "strict-agent"}, {"other", "x"}};
  EXPECT_EQ(select(host, {}, annotations)->mode, Mode::strict_agent);
  EXPECT_EQ(select(host, {"agent", "", {}}, annotations)->mode, Mode::agent);
}

TEST(Select, PassthroughIsNotForAnnotations) {
  HostConfig host;
  EXPECT_THAT(error_of(select(host, {}, {{"io.nucleus.mode", "passthrough"}})), HasSubstr("passthrough"));
  EXPECT_EQ(select(host, {"passthrough", "", {}}, {})->mode, Mode::passthrough);
  host.mode = Mode::passthrough;
  host.mode_floor = Mode::passthrough;
  EXPECT_EQ(select(host, {}, {})->mode, Mode::passthrough);
  EXPECT_FALSE(select(host, {}, {{"io.nucleus.mode", "passthrough"}}));
}

TEST(Select, NothingBelowTheFloor) {
  HostConfig host;
  host.mode = host.mode_floor = Mode::strict_agent;
  EXPECT_THAT(error_of(select(host, {}, {{"io.nucleus.mode", "agent"}})), HasSubstr("mode_floor strict-agent"));
  EXPECT_FALSE(select(host, {"agent", "", {}}, {}));
  EXPECT_FALSE(select(host, {"passthrough", "", {}}, {}));
  EXPECT_EQ(select(host, {"production", "", {}}, {})->mode, Mode::production);
}

TEST(Select, UnknownWordsAreErrors) {
  EXPECT_FALSE(select({}, {"Agent", "", {}}, {}));
  EXPECT_FALSE(select({}, {}, {{"io.nucleus.mode", "strict"}}));
  EXPECT_THAT(error_of(select({}, {}, {{"io.nucleus.moed", "agent"}})), HasSubstr("io.nucleus.moed"));
  EXPECT_TRUE(select({}, {}, {{"io.nucleus.rootfs", "ephemeral"}}));
  EXPECT_TRUE(select({}, {"passthrough", "", {}}, {{"io.nucleus.moed", "agent"}}));
}

TEST(Select, AnnotationsNeverLowerTheHostsMode) {
  HostConfig host;
  host.mode = Mode::strict_agent;
  EXPECT_THAT(error_of(select(host, {}, {{"io.nucleus.mode", "agent"}})), HasSubstr("below the host's mode"));
  EXPECT_EQ(select(host, {}, {{"io.nucleus.mode", "production"}})->mode, Mode::production);
  EXPECT_EQ(select(host, {"agent", "", {}}, {})->mode, Mode::agent) << "the command line is the administrator's";
}

TEST(Select, GrantsCarryTheirOrigin) {
  HostConfig host;
  host.annotations_may_grant = true;
  const auto both = select(host, {"", "", {"host-pid"}}, {{"io.nucleus.grant", " exec:/w , host-network,"}});
  ASSERT_TRUE(both) << error_of(both);
  ASSERT_EQ(both->grants.size(), 3U);
  EXPECT_EQ(both->grants[0].origin, "command line");
  EXPECT_EQ(both->grants[1].origin, "annotation io.nucleus.grant");
  EXPECT_EQ(to_string(both->grants[2]), "host-network");
  EXPECT_THAT(error_of(select({}, {"", "", {"host-pdi"}}, {})), HasSubstr("command line: grant \"host-pdi\""));
}

TEST(Select, AnnotationsGrantOnlyWhereTheyMay) {
  const Annotations annotations = {{"io.nucleus.grant", "host-network"}};
  HostConfig permitting;
  permitting.annotations_may_grant = true;
  EXPECT_THAT(error_of(select(permitting, {"strict-agent", "", {}}, annotations)), HasSubstr("only tighten"));
  const HostConfig host;  // an image's annotations reach config.json: nothing is granted by default
  const auto warned = select(host, {}, annotations);
  ASSERT_TRUE(warned);
  EXPECT_TRUE(warned->grants.empty());
  EXPECT_EQ(warned->warnings.size(), 1U);
  EXPECT_EQ(select(host, {"strict-agent", "", {"host-pid"}}, {})->grants.size(), 1U) << "the command line may";
}

TEST(Select, Policies) {
  const std::string pinned = "web@sha256:" + std::string(64, 'a');
  HostConfig host;
  host.annotations_may_grant = true;
  EXPECT_EQ(select(host, {}, {{"io.nucleus.policy", "web"}})->policy, "web");
  EXPECT_FALSE(select({}, {}, {{"io.nucleus.policy", "web"}}));
  EXPECT_EQ(select(host, {"", "mine", {}}, {{"io.nucleus.policy", "web"}})->policy, "mine");
  EXPECT_EQ(select(host, {"strict-agent", "", {}}, {{"io.nucleus.policy", pinned}})->policy, pinned);
  EXPECT_THAT(error_of(select(host, {"strict-agent", "", {}}, {{"io.nucleus.policy", "web"}})), HasSubstr("pinned"));
  EXPECT_THAT(error_of(select({}, {}, {{"io.nucleus.policy", pinned}})), HasSubstr("does not let annotations choose"))
      << "the digest of a shipped set is no secret: an image may name it";
  EXPECT_TRUE(select({}, {"strict-agent", "", {}}, {{"io.nucleus.policy", "default"}})) << "the host's own";
  EXPECT_FALSE(select({}, {}, {{"io.nucleus.policy", "/tmp/x"}}));
}

}  // namespace
}  // namespace nucleus::hardening
