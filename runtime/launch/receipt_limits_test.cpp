#include "runtime/launch/receipt_limits.hpp"

#include <gtest/gtest.h>

#include "runtime/state/receipt.hpp"

namespace nucleus::launch {
namespace {

using state::ReceiptItem;

ReceiptItem rlimit(const char* type, std::uint64_t soft, std::uint64_t hard, const char* name, const char* seen) {
  oci::Process process;
  process.rlimits.emplace_back();
  process.rlimits[0].type = type;
  process.rlimits[0].soft = soft;
  process.rlimits[0].hard = hard;
  KernelTruth truth;
  truth.limits = {{name, seen}};
  return process_limit_items(process, truth).at(0);
}

TEST(ReceiptLimits, AnRlimitMayBeLowerThanPlannedNotHigher) {
  const char* files = "Max open files";
  EXPECT_TRUE(rlimit("RLIMIT_NOFILE", 10, 20, files, "10 20").matches);
  EXPECT_TRUE(rlimit("RLIMIT_NOFILE", 10, 20, files, "10 15").matches);
  EXPECT_FALSE(rlimit("RLIMIT_NOFILE", 10, 20, files, "11 20").matches);
  EXPECT_FALSE(rlimit("RLIMIT_NOFILE", 10, 20, files, "10 unlimited").matches);
  EXPECT_FALSE(rlimit("RLIMIT_NOFILE", 10, 20, files, "").matches);
  EXPECT_FALSE(rlimit("RLIMIT_NOFILE", 10, 20, "Max processes", "10 20").matches);
  const auto item = rlimit("RLIMIT_NOFILE", 10, ~std::uint64_t{0}, files, "10 unlimited");
  EXPECT_TRUE(item.matches);
  EXPECT_EQ(item.control, "rlimit.nofile");
  EXPECT_EQ(item.expected, "10 unlimited");
}

TEST(ReceiptLimits, OomScoreMayBeHigherThanPlannedNotLower) {
  oci::Process process;
  process.oom_score_adj = -100;
  KernelTruth truth;
  for (const auto& [seen, good] : {std::pair{"-100", true}, {"0", true}, {"-101", false}, {"", false}, {"x", false}}) {
    truth.oom_score = seen;
    EXPECT_EQ(process_limit_items(process, truth).at(0).matches, good) << seen;
  }
}

ReceiptItem cgroup(const char* file, const char* planned, std::optional<std::string> seen, bool optional = false) {
  const auto items = cgroup_items({{{"memory", file, planned, optional}, std::move(seen)}});
  return items.empty() ? ReceiptItem{"(none)", "", "", true} : items[0];
}

TEST(ReceiptLimits, MemoryIsRoundedToPages) {
  EXPECT_TRUE(cgroup("memory.max", "1000000", "999424\n").matches);
  EXPECT_FALSE(cgroup("memory.max", "1000000", "1003520\n").matches);
  EXPECT_FALSE(cgroup("memory.max", "1000000", "max\n").matches);
  EXPECT_TRUE(cgroup("memory.max", "max", "max\n").matches);
  EXPECT_TRUE(cgroup("memory.limit_in_bytes", "-1", "9223372036854771712\n").matches);
  EXPECT_FALSE(cgroup("memory.limit_in_bytes", "4096", "9223372036854771712\n").matches);
}

TEST(ReceiptLimits, ProcessorTime) {
  EXPECT_TRUE(cgroup("cpu.max", "50000", "50000 100000\n").matches);
  EXPECT_TRUE(cgroup("cpu.max", "50000 20000", "50000 20000\n").matches);
  EXPECT_FALSE(cgroup("cpu.max", "50000 20000", "50000 100000\n").matches);
  EXPECT_FALSE(cgroup("cpu.max", "50000", "max 100000\n").matches);
  EXPECT_TRUE(cgroup("cpu.shares", "1", "2\n").matches);
  EXPECT_FALSE(cgroup("pids.max", "100", "max\n").matches);
}

TEST(ReceiptLimits, WhatHasNoOneValueIsRecorded) {
  const auto item = cgroup("io.max", "8:0 rbps=1", "8:0 rbps=1 wbps=max\n");
  EXPECT_EQ(item.expected, "");
  EXPECT_EQ(item.observed, "8:0 rbps=1 wbps=max");
  EXPECT_TRUE(item.matches);
}

TEST(ReceiptLimits, AMissingFileIsNoLimit) {
  EXPECT_FALSE(cgroup("memory.max", "4096", std::nullopt).matches);
  EXPECT_EQ(cgroup("memory.swap.max", "0", std::nullopt, true).control, "(none)");
}

}  // namespace
}  // namespace nucleus::launch
