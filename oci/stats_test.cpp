#include "oci/stats.hpp"

#include <gtest/gtest.h>

namespace nucleus::oci {
namespace {

TEST(Stats, TheShapeThatRuncPrints) {
  Stats stats;
  stats.cpu = {30, 10, 20, {14, 16}, {4, 6}, {10, 10}};
  stats.throttling = {1, 2, 3};
  stats.cache = 5;
  stats.memory = {100, 50, 60, 7};
  stats.memory_raw = {{"anon", 9}};
  stats.pids = 3;
  stats.pids_limit = 512;
  stats.io_bytes = {{8, 0, "Read", 4096}};
  stats.hugetlb = {{"2MB", {0, 1, 2, 3}}};
  EXPECT_EQ(
      stats_event_json("c", stats),
      R"({"type":"stats","id":"c","data":{"cpu":{"usage":{"total":30,"kernel":10,"user":20,"percpu":[14,16],)"
      R"("percpu_kernel":[4,6],"percpu_user":[10,10]},"throttling":{"periods":1,"throttledPeriods":2,)"
      R"("throttledTime":3}},"memory":{"cache":5,"usage":{"limit":100,"usage":50,"max":60,"failcnt":7},)"
      R"("swap":{"limit":0,"usage":0,"max":0,"failcnt":0},"kernel":{"limit":0,"usage":0,"max":0,"failcnt":0},)"
      R"("kernelTCP":{"limit":0,"usage":0,"max":0,"failcnt":0},"raw":{"anon":9}},"pids":{"current":3,"limit":512},)"
      R"("blkio":{"ioServiceBytesRecursive":[{"major":8,"minor":0,"op":"Read","value":4096}],)"
      R"("ioServicedRecursive":[]},"hugetlb":{"2MB":{"usage":1,"max":2,"failcnt":3}},"network_interfaces":null}})");
}

TEST(Stats, NoLimitOnProcessesIsLeftOut) {
  EXPECT_NE(stats_event_json("c", {}).find(R"("pids":{"current":0})"), std::string::npos);
}

TEST(Stats, OutOfMemory) { EXPECT_EQ(oom_event_json("c\"d"), R"({"type":"oom","id":"c\"d"})"); }

}  // namespace
}  // namespace nucleus::oci
