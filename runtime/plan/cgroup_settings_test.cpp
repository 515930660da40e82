#include "runtime/plan/cgroup_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/document.hpp"

namespace nucleus::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

oci::Resources resources(const std::string& text) { return oci::parse_resources(text, "resources").value(); }

// "memory memory.max 5"
std::vector<std::string> lines(const std::vector<CgroupSetting>& settings) {
  std::vector<std::string> out;
  for (const auto& setting : settings) {
    out.push_back(setting.controller + " " + setting.file + " " + setting.value);
  }
  return out;
}

std::vector<std::string> v1(const std::string& text) { return lines(v1_settings(resources(text))); }
std::vector<std::string> v2(const std::string& text) { return lines(v2_settings(resources(text))); }

constexpr const char* kEverything = R"({
  "memory": {"limit": 1000, "swap": 3000, "reservation": 500, "kernelTCP": 70, "swappiness": 0,
             "useHierarchy": true, "disableOOMKiller": true},
  "cpu": {"shares": 1024, "quota": 5000, "period": 10000, "burst": 9, "realtimePeriod": 8, "realtimeRuntime": 7,
          "idle": 1, "cpus": "0-1", "mems": "0"},
  "pids": {"limit": 32},
  "blockIO": {"weight": 500, "leafWeight": 11,
              "weightDevice": [{"major": 8, "minor": 0, "weight": 10, "leafWeight": 12}],
              "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}],
              "throttleWriteBpsDevice": [{"major": 8, "minor": 1, "rate": 0}],
              "throttleReadIOPSDevice": [{"major": 8, "minor": 2, "rate": 700}],
              "throttleWriteIOPSDevice": [{"major": 8, "minor": 3, "rate": 800}]},
  "hugepageLimits": [{"pageSize": "2MB", "limit": 9223372036854771712}],
  "network": {"classID": 1048577, "priorities": [{"name": "lo", "priority": 3}]},
  "rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}},
  "unified": {"memory.high": "900", "cgroup.max.depth": "2"}
})";

TEST(CgroupSettings, EveryLimitOfV1) {
  EXPECT_THAT(
      v1(kEverything),
      ElementsAre("memory memory.limit_in_bytes 1000", "memory memory.memsw.limit_in_bytes 3000",
                  "memory memory.soft_limit_in_bytes 500", "memory memory.kmem.tcp.limit_in_bytes 70",
                  "memory memory.swappiness 0", "memory memory.use_hierarchy 1", "memory memory.oom_control 1",
                  "cpu cpu.shares 1024", "cpu cpu.cfs_period_us 10000", "cpu cpu.cfs_quota_us 5000",
                  "cpu cpu.cfs_burst_us 9", "cpu cpu.rt_period_us 8", "cpu cpu.rt_runtime_us 7", "cpu cpu.idle 1",
                  "cpuset cpuset.cpus 0-1", "cpuset cpuset.mems 0", "pids pids.max 32", "blkio blkio.weight 500",
                  "blkio blkio.leaf_weight 11", "blkio blkio.weight_device 8:0 10",
                  "blkio blkio.leaf_weight_device 8:0 12", "blkio blkio.throttle.read_bps_device 8:0 600",
                  "blkio blkio.throttle.write_bps_device 8:1 0", "blkio blkio.throttle.read_iops_device 8:2 700",
                  "blkio blkio.throttle.write_iops_device 8:3 800",
                  "hugetlb hugetlb.2MB.limit_in_bytes 9223372036854771712",
                  "hugetlb hugetlb.2MB.rsvd.limit_in_bytes 9223372036854771712", "net_cls net_cls.classid 1048577",
                  "net_prio net_prio.ifpriomap lo 3", "rdma rdma.max mlx5_1 hca_handle=3 hca_object=10000",
                  " cgroup.max.depth 2", "memory memory.high 900"));
}

TEST(CgroupSettings, EveryLimitOfV2) {
  EXPECT_THAT(
      v2(kEverything),
      ElementsAre("memory memory.max 1000", "memory memory.swap.max 2000", "memory memory.low 500", "cpu cpu.weight 39",
                  "cpu cpu.max 5000 10000", "cpu cpu.max.burst 9", "cpu cpu.idle 1", "cpuset cpuset.cpus 0-1",
                  "cpuset cpuset.mems 0", "pids pids.max 32", "io io.bfq.weight 500", "io io.weight default 4950",
                  "io io.weight 8:0 1", "io io.max 8:0 rbps=600", "io io.max 8:1 wbps=max", "io io.max 8:2 riops=700",
                  "io io.max 8:3 wiops=800", "hugetlb hugetlb.2MB.max 9223372036854771712",
                  "hugetlb hugetlb.2MB.rsvd.max 9223372036854771712",
                  "rdma rdma.max mlx5_1 hca_handle=3 hca_object=10000", " cgroup.max.depth 2",
                  "memory memory.high 900"));
}

// What engines write for "not set" writes nothing.
TEST(CgroupSettings, ZeroMeansNotSet) {
  constexpr const char* kZeroes = R"({
    "memory": {"limit": 0, "swap": 0, "reservation": 0, "kernelTCP": 0, "useHierarchy": false,
               "disableOOMKiller": false},
    "cpu": {"shares": 0, "quota": 0, "period": 0, "realtimePeriod": 0, "realtimeRuntime": 0, "cpus": "", "mems": ""},
    "blockIO": {"weight": 0}})";
  EXPECT_THAT(v1(kZeroes), IsEmpty());
  EXPECT_THAT(v2(kZeroes), IsEmpty());
  EXPECT_THAT(v1("{}"), IsEmpty());
  EXPECT_THAT(v2("{}"), IsEmpty());
}

TEST(CgroupSettings, UnlimitedIsMinusOneOnV1AndMaxOnV2) {
  constexpr const char* kUnlimited =
      R"({"memory": {"limit": -1, "swap": -1}, "cpu": {"quota": -1, "period": 100}, "pids": {"limit": -1}})";
  EXPECT_THAT(v1(kUnlimited), ElementsAre("memory memory.limit_in_bytes -1", "memory memory.memsw.limit_in_bytes -1",
                                          "cpu cpu.cfs_period_us 100", "cpu cpu.cfs_quota_us -1", "pids pids.max max"));
  EXPECT_THAT(v2(kUnlimited), ElementsAre("memory memory.max max", "memory memory.swap.max max", "cpu cpu.max max 100",
                                          "pids pids.max max"));
}

// A total below the memory limit must not turn into an unlimited swap.
TEST(CgroupSettings, SwapOfV2IsTheTotalWithoutTheMemory) {
  const auto swap_of = [](const char* memory) {
    for (const auto& setting : v2_settings(resources(std::string("{\"memory\": ") + memory + "}"))) {
      if (setting.file == "memory.swap.max") {
        return setting.value;
      }
    }
    return std::string("(not set)");
  };
  EXPECT_EQ(swap_of(R"({"limit": 1000, "swap": 1000})"), "0");
  EXPECT_EQ(swap_of(R"({"limit": 1000, "swap": 999})"), "0");
  EXPECT_EQ(swap_of(R"({"limit": 1000, "swap": 0})"), "(not set)");
  EXPECT_EQ(swap_of(R"({"limit": 1000, "swap": -1})"), "max");
  EXPECT_EQ(swap_of(R"({"swap": 5000})"), "5000");
  EXPECT_EQ(swap_of(R"({"limit": -1, "swap": 5000})"), "5000");
}

TEST(CgroupSettings, PartsOfCpuMax) {
  EXPECT_THAT(v2(R"({"cpu": {"quota": 5000}})"), ElementsAre("cpu cpu.max 5000"));
  EXPECT_THAT(v2(R"({"cpu": {"period": 5000}})"), ElementsAre("cpu cpu.max max 5000"));
  EXPECT_THAT(v2(R"({"cpu": {"quota": 5000, "period": 0}})"), ElementsAre("cpu cpu.max 5000"));
}

TEST(CgroupSettings, SharesMapOntoTheWholeRangeOfWeights) {
  EXPECT_EQ(weight_from_shares(0), 0U);
  EXPECT_EQ(weight_from_shares(1), 1U);
  EXPECT_EQ(weight_from_shares(2), 1U);
  EXPECT_EQ(weight_from_shares(262144), 10000U);
  EXPECT_EQ(weight_from_shares(UINT64_MAX), 10000U);
  for (std::uint64_t shares = 2; shares < 262144; shares += 1021) {
    EXPECT_LE(weight_from_shares(shares), weight_from_shares(shares + 1021));
  }
}

}  // namespace
}  // namespace nucleus::plan
