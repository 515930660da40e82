#include "oci/merge_resources.hpp"

#include <gtest/gtest.h>

#include "oci/document.hpp"

namespace nucleus::oci {
namespace {

Resources resources(const std::string& text) { return parse_resources(text, "resources").value(); }

std::string merged(const std::string& base, const std::string& change) {
  Resources out = resources(base);
  merge_resources(out, resources(change));
  return to_json(out);
}

TEST(MergeResources, WhatIsNotNamedStays) {
  EXPECT_EQ(merged(R"({"memory":{"limit":5,"swap":9},"pids":{"limit":3}})", R"({"memory":{"limit":6}})"),
            R"({"memory":{"limit":6,"swap":9},"pids":{"limit":3}})");
}

TEST(MergeResources, AnEmptyChangeChangesNothing) {
  const std::string all = R"({"cpu":{"cpus":"0","shares":2},"unified":{"memory.high":"1"}})";
  EXPECT_EQ(merged(all, "{}"), all);
  EXPECT_EQ(merged(all, R"({"cpu":{},"memory":null,"unified":{}})"), all);
}

TEST(MergeResources, ZeroIsNotSet) {
  EXPECT_EQ(merged(R"({"cpu":{"quota":5},"memory":{"limit":5},"pids":{"limit":3}})",
                   R"({"cpu":{"quota":0},"memory":{"limit":0},"pids":{"limit":0}})"),
            R"({"cpu":{"quota":5},"memory":{"limit":5},"pids":{"limit":3}})");
}

TEST(MergeResources, ZeroThatMeansSomethingIsKept) {
  EXPECT_EQ(
      merged(R"({"cpu":{"idle":1},"memory":{"swappiness":5}})", R"({"cpu":{"idle":0},"memory":{"swappiness":0}})"),
      R"({"cpu":{"idle":0},"memory":{"swappiness":0}})");
}

TEST(MergeResources, ListsAreReplacedAndMapsExtended) {
  EXPECT_EQ(merged(R"({"hugepageLimits":[{"limit":1,"pageSize":"2MB"}],"unified":{"a":"1","b":"2"}})",
                   R"({"hugepageLimits":[{"limit":2,"pageSize":"1GB"}],"unified":{"b":"3"}})"),
            R"({"hugepageLimits":[{"limit":2,"pageSize":"1GB"}],"unified":{"a":"1","b":"3"}})");
}

TEST(MergeResources, WhatWasAbsentAppears) {
  EXPECT_EQ(merged("{}", R"({"blockIO":{"weight":20}})"), R"({"blockIO":{"weight":20}})");
}

}  // namespace
}  // namespace nucleus::oci
