#include "runtime/launch/stats_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nucleus::launch {
namespace {

using oci::BlockIoEntry;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(StatsText, FlatFiles) {
  const auto found = parse_flat("anon 4096\nfile 0\nbroken\nodd x\n");
  EXPECT_EQ(found, (std::map<std::string, std::uint64_t>{{"anon", 4096}, {"file", 0}}));
}

TEST(StatsText, OneNumber) {
  EXPECT_EQ(parse_single("17\n"), 17U);
  EXPECT_EQ(parse_single("max\n"), UINT64_MAX);
  EXPECT_EQ(parse_single(""), 0U);
  EXPECT_EQ(parse_single("-5\n"), 0U);
  EXPECT_EQ(parse_single("99999999999999999999999\n"), 0U);
}

TEST(StatsText, ListsOfNumbers) {
  EXPECT_THAT(parse_numbers("1 2 3 \n"), ElementsAre(1, 2, 3));
  EXPECT_THAT(parse_numbers("1 x\n"), IsEmpty());
}

TEST(StatsText, BlockIoOfV1) {
  EXPECT_THAT(parse_blkio("8:0 Read 4096\n8:0 Total 4096\nTotal 4096\n8 Read 1\n8:0 Read\n"),
              ElementsAre(BlockIoEntry{8, 0, "Read", 4096}, BlockIoEntry{8, 0, "Total", 4096}));
}

TEST(StatsText, BlockIoOfV2) {
  const auto found =
      parse_io_stat("8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=7\n(unknown) rbytes=9\n");
  EXPECT_THAT(found.bytes, ElementsAre(BlockIoEntry{8, 16, "Read", 1}, BlockIoEntry{8, 16, "Write", 2},
                                       BlockIoEntry{8, 16, "Discard", 5}));
  EXPECT_THAT(found.operations, ElementsAre(BlockIoEntry{8, 16, "Read", 3}, BlockIoEntry{8, 16, "Write", 4},
                                            BlockIoEntry{8, 16, "Discard", 6}));
}

TEST(StatsText, UsageOfEachProcessor) {
  oci::CpuUsage out;
  parse_usage_all("cpu user system\n0 10 20\n1 30 40\n", out);
  EXPECT_THAT(out.per_cpu_user, ElementsAre(10, 30));
  EXPECT_THAT(out.per_cpu_kernel, ElementsAre(20, 40));
}

}  // namespace
}  // namespace nucleus::launch
