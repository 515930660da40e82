#include "runtime/launch/stats.hpp"

#include <gtest/gtest.h>

#include "runtime/launch/cgroup_text.hpp"

namespace nucleus::launch {
namespace {

using Files = std::map<std::string, std::string, std::less<>>;

CgroupReader reader_of(Files files) {
  return
      [files = std::move(files)](const std::string& controller, const std::string& file) -> std::optional<std::string> {
        const auto hit = files.find(controller + "/" + file);
        return hit == files.end() ? std::nullopt : std::optional<std::string>(hit->second);
      };
}

TEST(CgroupText, Numbers) {
  EXPECT_EQ(to_number("17\n"), 17U);
  EXPECT_EQ(to_number("max\n"), UINT64_MAX);
  EXPECT_EQ(to_number(""), 0U);
  EXPECT_EQ(to_number("-1"), 0U);
}

TEST(CgroupText, CpuLists) {
  EXPECT_EQ(parse_cpu_list("0-2,7\n"), (std::vector<std::uint64_t>{0, 1, 2, 7}));
  EXPECT_TRUE(parse_cpu_list("\n").empty());
  EXPECT_LE(parse_cpu_list("0-max").size(), 65'536U);
}

TEST(Stats, HugePageSizes) {
  EXPECT_EQ(huge_page_size("hugepages-2048kB"), "2MB");
  EXPECT_EQ(huge_page_size("hugepages-1048576kB"), "1GB");
  EXPECT_EQ(huge_page_size("hugepages-64kB"), "64KB");
  EXPECT_EQ(huge_page_size(".."), "");
}

TEST(Stats, OfV1) {
  const auto stats = stats_v1(reader_of({{"cpuacct/cpuacct.usage", "9000\n"},
                                         {"cpuacct/cpuacct.usage_percpu", "4000 5000 \n"},
                                         {"cpuacct/cpuacct.usage_all", "cpu user system\n0 1 2\n1 3 4\n"},
                                         {"cpuacct/cpuacct.stat", "user 3\nsystem 2\n"},
                                         {"cpu/cpu.stat", "nr_periods 10\nnr_throttled 4\nthrottled_time 99\n"},
                                         {"cpuset/cpuset.cpus", "0-1\n"},
                                         {"cpuset/cpuset.sched_relax_domain_level", "-1\n"},
                                         {"memory/memory.stat", "cache 12\nrss 7\n"},
                                         {"memory/memory.limit_in_bytes", "67108864\n"},
                                         {"memory/memory.usage_in_bytes", "622592\n"},
                                         {"memory/memory.max_usage_in_bytes", "700000\n"},
                                         {"memory/memory.failcnt", "3\n"},
                                         {"pids/pids.current", "2\n"},
                                         {"pids/pids.max", "50\n"},
                                         {"blkio/blkio.throttle.io_serviced_recursive", "8:16 Read 5\nTotal 5\n"},
                                         {"hugetlb/hugetlb.2MB.usage_in_bytes", "2097152\n"}}),
                              {"2MB", "1GB"});
  EXPECT_EQ(stats.cpu.total, 9000U);
  EXPECT_EQ(stats.cpu.per_cpu, (std::vector<std::uint64_t>{4000, 5000}));
  EXPECT_EQ(stats.cpu.per_cpu_kernel, (std::vector<std::uint64_t>{2, 4}));
  EXPECT_EQ(stats.cpu.user, 30'000'000U);
  EXPECT_EQ(stats.cpu.throttled_periods, 4U);
  EXPECT_EQ(stats.cpuset.cpus.size(), 2U);
  EXPECT_EQ(stats.cpuset.flags.at("sched_relax_domain_level"), -1);
  EXPECT_EQ(stats.memory.cache, 12U);
  EXPECT_EQ(stats.memory.usage.limit, 67108864U);
  EXPECT_EQ(stats.memory.usage.failures, 3U);
  EXPECT_EQ(stats.pids.limit, 50U);
  ASSERT_EQ(stats.block_io.at("ioServicedRecursive").size(), 1U);
  EXPECT_EQ(stats.block_io.at("ioServicedRecursive")[0].minor, 16U);
  ASSERT_EQ(stats.hugetlb.size(), 1U);
  EXPECT_EQ(stats.hugetlb.at("2MB").usage, 2097152U);
}

TEST(Stats, OfV2) {
  const auto stats = stats_v2(
      reader_of({{"cpu/cpu.stat", "usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 1\nthrottled_usec 2\n"},
                 {"cpuset/cpuset.cpus.effective", "0\n"},
                 {"memory/memory.stat", "anon 1\nfile 12\n"},
                 {"memory/memory.max", "1000\n"},
                 {"memory/memory.current", "600\n"},
                 {"memory/memory.peak", "800\n"},
                 {"memory/memory.events", "low 0\nmax 3\noom 1\n"},
                 {"memory/memory.swap.max", "500\n"},
                 {"memory/memory.swap.current", "10\n"},
                 {"pids/pids.current", "2\n"},
                 {"pids/pids.max", "max\n"},
                 {"io/io.stat", "8:0 rbytes=4096 wbytes=1 rios=2 wios=3 dbytes=9 dios=9\n"},
                 {"hugetlb/hugetlb.2MB.current", "0\n"},
                 {"hugetlb/hugetlb.2MB.events", "max 7\n"}}),
      {"2MB"});
  EXPECT_EQ(stats.cpu.total, 9000U);
  EXPECT_EQ(stats.cpu.throttled_time, 2000U);
  EXPECT_EQ(stats.memory.cache, 12U);
  EXPECT_EQ(stats.memory.usage.max, 800U);
  EXPECT_EQ(stats.memory.usage.failures, 3U);
  EXPECT_EQ(stats.memory.swap.limit, 1500U);
  EXPECT_EQ(stats.memory.swap.usage, 610U);
  EXPECT_EQ(stats.pids.limit, 0U);
  ASSERT_EQ(stats.block_io.at("ioServiceBytesRecursive").size(), 2U);
  EXPECT_EQ(stats.block_io.at("ioServiceBytesRecursive")[0].operation, "Read");
  EXPECT_EQ(stats.block_io.at("ioServicedRecursive")[1].value, 3U);
  EXPECT_EQ(stats.hugetlb.at("2MB").failures, 7U);
}

TEST(Stats, UnlimitedSwapStaysUnlimited) {
  const auto stats = stats_v2(reader_of({{"memory/memory.max", "1000\n"}, {"memory/memory.swap.max", "max\n"}}), {});
  EXPECT_EQ(stats.memory.swap.limit, UINT64_MAX);
}

TEST(Stats, NothingReadableIsAllZero) {
  EXPECT_EQ(stats_v1(reader_of({}), {"2MB"}).memory.usage.limit, 0U);
  EXPECT_TRUE(stats_v2(reader_of({}), {"2MB"}).hugetlb.empty());
}

}  // namespace
}  // namespace nucleus::launch
