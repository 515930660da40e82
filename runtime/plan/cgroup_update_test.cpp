#include "runtime/plan/cgroup_update.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/document.hpp"
#include "oci/merge_resources.hpp"

namespace nucleus::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> written(const std::string& before, const std::string& change, CgroupLayout layout) {
  ResourceChange all;
  all.before = oci::parse_resources(before, "before").value();
  all.change = oci::parse_resources(change, "change").value();
  all.after = all.before;
  oci::merge_resources(all.after, all.change);
  std::vector<std::string> out;
  for (const auto& setting : update_settings(all, layout)) {
    out.push_back(setting.file + " " + setting.value);
  }
  return out;
}

std::string undone(const std::string& file, const std::string& value, const std::string& content) {
  return undo_setting({"", file, value}, content).value;
}

TEST(CgroupUpdate, OnlyWhatIsNamedIsWritten) {
  EXPECT_THAT(written(R"({"memory":{"limit":5},"pids":{"limit":3}})", R"({"pids":{"limit":4}})", CgroupLayout::v1),
              ElementsAre("pids.max 4"));
  EXPECT_THAT(written(R"({"memory":{"limit":5}})", "{}", CgroupLayout::v2), IsEmpty());
}

TEST(CgroupUpdate, ANamedValueIsWrittenEvenIfItIsTheOld) {
  EXPECT_THAT(written(R"({"pids":{"limit":3}})", R"({"pids":{"limit":3}})", CgroupLayout::hybrid),
              ElementsAre("pids.max 3"));
}

TEST(CgroupUpdate, AFileOfTwoValuesKeepsTheOtherOne) {
  EXPECT_THAT(written(R"({"cpu":{"quota":500,"period":1000}})", R"({"cpu":{"quota":700}})", CgroupLayout::v2),
              ElementsAre("cpu.max 700 1000"));
}

TEST(CgroupUpdate, SwapFollowsMemoryOnV2) {
  EXPECT_THAT(written(R"({"memory":{"limit":100,"swap":150}})", R"({"memory":{"limit":120}})", CgroupLayout::v2),
              ElementsAre("memory.max 120", "memory.swap.max 30"));
}

TEST(CgroupUpdate, DevicesNetworkAndRdmaAreLeftAlone) {
  EXPECT_THAT(written("{}", R"({"devices":[{"allow":true,"access":"rwm"}],"network":{"classID":5},
                                "rdma":{"mlx":{"hcaHandles":1}}})",
                      CgroupLayout::v1),
              IsEmpty());
}

TEST(CgroupUpdate, UndoingAPlainFile) {
  EXPECT_EQ(undone("memory.max", "5", "max\n"), "max");
  EXPECT_EQ(undone("cpu.max", "500 1000", "max 100000\n"), "max 100000");
  EXPECT_EQ(undone("cpuset.cpus", "0", "\n"), "\n");
}

TEST(CgroupUpdate, UndoingOneDeviceOfMany) {
  EXPECT_EQ(undone("io.max", "8:0 rbps=5", "8:16 rbps=1\n8:0 rbps=9 wbps=max\n"), "8:0 rbps=9 wbps=max");
  EXPECT_EQ(undone("io.max", "8:0 rbps=5", "8:16 rbps=1\n"), "8:0 rbps=max");
  EXPECT_EQ(undone("blkio.throttle.read_bps_device", "8:0 5", "8:01 7\n"), "8:0 0");
  EXPECT_EQ(undone("io.weight", "default 50", "default 100\n8:0 7\n"), "default 100");
}

}  // namespace
}  // namespace nucleus::plan
