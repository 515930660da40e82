#include "hardening/seccomp_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nucleus::hardening {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Annotations = std::map<std::string, std::string>;

const Annotations kAsks = {{"io.nucleus.seccomp.trace", "web.jsonl"}, {"io.nucleus.seccomp.learn", "10m"}};

HostConfig permitting() {
  HostConfig host;
  host.trace_dir = "/srv/traces";
  host.annotations_may_learn = true;
  return host;
}

TEST(SeccompWatch, OffUnlessAskedFor) {
  for (const Mode mode : {Mode::passthrough, Mode::agent, Mode::strict_agent, Mode::production}) {
    const auto selected = select_watch({}, {}, {}, mode);
    ASSERT_TRUE(selected);
    EXPECT_FALSE(selected->watch);
  }
}

TEST(SeccompWatch, AnAnnotationDoesNothingTheHostDidNotSay) {
  const auto selected = select_watch({}, {}, kAsks, Mode::agent);
  ASSERT_TRUE(selected) << selected.error().text;
  EXPECT_FALSE(selected->watch);
  EXPECT_THAT(selected->warnings, SizeIs(2));
  const auto allowed = select_watch(permitting(), {}, kAsks, Mode::agent);
  ASSERT_TRUE(allowed) << allowed.error().text;
  EXPECT_EQ(allowed->watch->file, "/srv/traces/web.jsonl");
  EXPECT_TRUE(allowed->watch->must_be_new);
  EXPECT_EQ(allowed->watch->learn, 600U);
}

TEST(SeccompWatch, TraceAndLearningAreForAgentMode) {
  for (const Mode mode : {Mode::strict_agent, Mode::production}) {
    for (const auto& [name, value] : kAsks) {
      const auto selected = select_watch(permitting(), {}, {{name, value}}, mode);
      ASSERT_FALSE(selected) << name;
      EXPECT_THAT(selected.error().text, HasSubstr("only for mode agent"));
    }
    EXPECT_FALSE(select_watch(permitting(), {"/t", "", false}, {}, mode));
    EXPECT_FALSE(select_watch(permitting(), {"", "1m", false}, {}, mode));
    EXPECT_TRUE(select_watch({}, {"", "", true}, {}, mode)->watch->denials);
  }
  EXPECT_FALSE(select_watch({}, {"/t", "", false}, {}, Mode::passthrough));
  EXPECT_FALSE(select_watch(permitting(), {}, kAsks, Mode::passthrough)->watch);
}

TEST(SeccompWatch, TheNameOfAFileIsOnlyThat) {
  for (const char* name : {"/etc/passwd", "../x", "a/b", ".x", "-x", "a b", "a\n"}) {
    EXPECT_FALSE(select_watch(permitting(), {}, {{"io.nucleus.seccomp.trace", name}}, Mode::agent)) << name;
  }
}

TEST(SeccompWatch, AnImageCannotHideWhatTheHostRecords) {
  HostConfig host;
  host.seccomp_denials = true;
  EXPECT_TRUE(select_watch(host, {}, {}, Mode::agent)->watch->denials);
  const auto selected = select_watch(host, {}, {{"io.nucleus.seccomp.denials", "false"}}, Mode::agent);
  EXPECT_TRUE(selected->watch->denials);
  EXPECT_THAT(selected->warnings, SizeIs(1));
  EXPECT_TRUE(select_watch({}, {}, {{"io.nucleus.seccomp.denials", "true"}}, Mode::agent)->watch->denials);
  EXPECT_FALSE(select_watch({}, {}, {{"io.nucleus.seccomp.denials", "false"}}, Mode::agent)->watch);
  EXPECT_FALSE(select_watch(host, {}, {{"io.nucleus.seccomp.denials", "no"}}, Mode::agent));
}

TEST(SeccompWatch, Times) {
  EXPECT_EQ(*parse_learn_time("90s"), 90U);
  EXPECT_EQ(*parse_learn_time("24h"), 86400U);
  for (const char* text : {"", "0s", "5", "-1s", "25h", "1.5h", "4294967295h", "1d", "10m "}) {
    EXPECT_FALSE(parse_learn_time(text)) << text;
  }
}

TEST(SeccompWatch, SurvivesItsFile) {
  SeccompWatch watch{true, true, 60, "/srv/\"x", true, 7, 9, 42, 1234567890123};
  EXPECT_EQ(*parse_seccomp_watch(to_json(watch), "watch.json"), watch);
  EXPECT_FALSE(parse_seccomp_watch("{}", "watch.json"));
}

}  // namespace
}  // namespace nucleus::hardening
