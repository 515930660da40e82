#include <gtest/gtest.h>

#include "oci/document.hpp"
#include "oci/json.hpp"
#include "oci/spec_generator.hpp"
#include "oci/test_files.hpp"

namespace nucleus::oci {
namespace {

constexpr int kRounds = 300;

Spec parsed(const std::string& text) {
  auto spec = parse_spec(text, "config.json");
  EXPECT_TRUE(spec) << spec.error().text << '\n' << text;
  return spec ? *spec : Spec{};
}

TEST(Rewrite, UnchangedSpecGivesTheDocumentItself) {
  testing::Generator random(1);
  for (int i = 0; i < kRounds; ++i) {
    Spec spec;
    random.fill(spec);
    const Json document = random.noisy(spec);
    const Spec decoded = parsed(document.dump());
    ASSERT_EQ(decoded, spec);
    EXPECT_EQ(Json::parse(rewrite_document(document.dump(), decoded)), document);
  }
}

TEST(Rewrite, ChangedSpecIsWhatComesBack) {
  testing::Generator random(2);
  for (int i = 0; i < kRounds; ++i) {
    Spec spec;
    random.fill(spec);
    const std::string original = random.noisy(spec).dump();
    random.change(spec);
    EXPECT_EQ(parsed(rewrite_document(original, spec)), spec) << original;
  }
}

TEST(Rewrite, UnrelatedSpecIsWhatComesBack) {
  testing::Generator random(3);
  for (int i = 0; i < kRounds; ++i) {
    Spec before;
    Spec now;
    random.fill(before);
    random.fill(now);
    EXPECT_EQ(parsed(rewrite_document(random.noisy(before).dump(), now)), now);
  }
}

TEST(Rewrite, OnlyTheChangedSubtreeMoves) {
  const std::string text = R"({"ociVersion":"1.0.2","root":{"path":"r","x":1},"hooks":null,
    "process":{"user":{"uid":0},"args":["a"],"env":[],"cwd":"/","rlimits":null},
    "mounts":[{"destination":"/a","options":null},{"destination":"/b","x":[null]},{"destination":"/c","type":""}],
    "linux":{"maskedPaths":[],"seccomp":null}})";
  Spec spec = parsed(text);
  spec.process->no_new_privileges = true;
  spec.mounts.erase(spec.mounts.begin());
  spec.mounts[1].type = "tmpfs";
  Json expected = Json::parse(text);
  expected["process"]["noNewPrivileges"] = true;
  expected["mounts"].erase(0);
  expected["mounts"][1]["type"] = "tmpfs";
  EXPECT_EQ(Json::parse(rewrite_document(text, spec)), expected);
}

TEST(Rewrite, RemovingIsErasing) {
  Spec spec = parsed(testing::read_fixture("podman-run.json"));
  spec.linux.seccomp.reset();
  spec.process->capabilities.reset();
  spec.annotations.clear();
  const Json now = Json::parse(rewrite_document(testing::read_fixture("podman-run.json"), spec));
  EXPECT_FALSE(now["linux"].contains("seccomp"));
  EXPECT_FALSE(now["process"].contains("capabilities"));
  EXPECT_FALSE(now.contains("annotations"));
}

TEST(Patch, AppliedToBeforeGivesAfter) {
  testing::Generator random(4);
  for (int i = 0; i < kRounds; ++i) {
    Spec spec;
    random.fill(spec);
    const Json before = random.noisy(spec);
    for (int changes = 0; changes < 4; ++changes) {
      random.change(spec);
    }
    const Json after = Json::parse(rewrite_document(before.dump(), spec));
    const Json patch = Json::parse(json_patch(before.dump(), after.dump()));
    EXPECT_EQ(before.patch(patch), after) << patch.dump(1);
    EXPECT_EQ(patch.empty(), before == after);
  }
}

TEST(Patch, ReadsLikeTheChange) {
  EXPECT_EQ(json_patch(R"({"l":["a","b","c","d"]})", R"({"l":["a","c","d"]})"), R"([{"op":"remove","path":"/l/1"}])");
  EXPECT_EQ(json_patch(R"({"l":["a","b","c","d"]})", R"({"l":["c"]})"),
            R"([{"op":"remove","path":"/l/0"},{"op":"remove","path":"/l/0"},{"op":"remove","path":"/l/1"}])");
  EXPECT_EQ(json_patch(R"({"l":[1,2]})", R"({"l":[0,1,2,3]})"),
            R"([{"op":"add","path":"/l/0","value":0},{"op":"add","path":"/l/3","value":3}])");
  EXPECT_EQ(json_patch(R"({"l":[{"d":"/a","o":["rw"]},{"d":"/b"}]})", R"({"l":[{"d":"/a","o":["ro"]},{"d":"/b"}]})"),
            R"([{"op":"replace","path":"/l/0/o/0","value":"ro"}])");
  EXPECT_EQ(json_patch(R"({"a/b~c":1})", R"({})"), R"([{"op":"remove","path":"/a~1b~0c"}])");
  EXPECT_EQ(json_patch("{}", "{}"), "[]");
}

TEST(Patch, IsValidForAnyInput) {
  EXPECT_EQ(json_patch("not json", "{}"), R"([{"op":"replace","path":"","value":{}}])");
  EXPECT_EQ(json_patch("{}", "not json"), R"([{"op":"replace","path":"","value":null}])");
}

TEST(Patch, LongListsAreReplacedWhole) {
  Json before = Json::array();
  Json after = Json::array();
  for (int i = 0; i < 2000; ++i) {
    before.push_back(i);
    after.push_back(-1 - i);
  }
  const Json patch = Json::parse(json_patch(before.dump(), after.dump()));
  ASSERT_EQ(patch.size(), 1U);
  EXPECT_EQ(before.patch(patch), after);
}

}  // namespace
}  // namespace nucleus::oci
