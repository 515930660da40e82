#include "oci/stats.hpp"

#include <gtest/gtest.h>

#include "oci/json.hpp"

namespace nucleus::oci {
namespace {

TEST(StatsDocument, HasRuncsShape) {
  const Json event = Json::parse(stats_event_json("box", Stats{}));
  EXPECT_EQ(event["type"], "stats");
  EXPECT_EQ(event["id"], "box");
  for (const char* part : {"cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"}) {
    EXPECT_TRUE(event["data"].contains(part)) << part;
  }
  EXPECT_EQ(event["data"]["pids"], Json::object());
  EXPECT_EQ(event["data"]["memory"]["usage"], Json({{"limit", 0}, {"failcnt", 0}}));
  EXPECT_EQ(event["data"]["cpu"]["usage"], Json({{"kernel", 0}, {"user", 0}}));
}

TEST(StatsDocument, CarriesEveryValue) {
  Stats stats;
  stats.cpu = {9, {4, 5}, {1, 1}, {3, 4}, 2, 7, 10, 3, 44};
  stats.cpuset = {{0, 1}, {0}, {{"sched_relax_domain_level", -1}}};
  stats.memory.usage = {100, 50, 60, 1};
  stats.memory.raw = {{"cache", 5}};
  stats.pids = {2, 50};
  stats.block_io["ioServiceBytesRecursive"] = {{8, 0, "Read", 4096}};
  stats.hugetlb["2MB"] = {0, 1, 2, 3};
  const Json data = Json::parse(stats_event_json("box", stats))["data"];
  EXPECT_EQ(data["cpu"]["usage"]["percpu"], Json({4, 5}));
  EXPECT_EQ(data["cpu"]["throttling"], Json({{"periods", 10}, {"throttledPeriods", 3}, {"throttledTime", 44}}));
  EXPECT_EQ(data["cpuset"]["cpus"], Json({0, 1}));
  EXPECT_EQ(data["cpuset"]["sched_relax_domain_level"], -1);
  EXPECT_EQ(data["memory"]["usage"], Json({{"limit", 100}, {"usage", 50}, {"max", 60}, {"failcnt", 1}}));
  EXPECT_EQ(data["memory"]["raw"]["cache"], 5);
  EXPECT_EQ(data["pids"], Json({{"current", 2}, {"limit", 50}}));
  EXPECT_EQ(data["blkio"]["ioServiceBytesRecursive"][0], Json({{"major", 8}, {"op", "Read"}, {"value", 4096}}));
  EXPECT_EQ(data["hugetlb"]["2MB"], Json({{"usage", 1}, {"max", 2}, {"failcnt", 3}}));
}

TEST(StatsDocument, OomEvent) { EXPECT_EQ(oom_event_json("box"), R"({"type":"oom","id":"box"})"); }

TEST(StatsDocument, EgressEvent) {
  EXPECT_EQ(egress_event_json("box", {7, 420, {{"198.51.100.7", 6, 443}}}),
            R"({"type":"egress","id":"box","data":{"packets":7,"bytes":420,)"
            R"("denied":[{"address":"198.51.100.7","protocol":6,"port":443}]}})");
}

}  // namespace
}  // namespace nucleus::oci
