#include <gtest/gtest.h>

#include "hardening/harden.hpp"

namespace nucleus::hardening {
namespace {

oci::Resources limits(std::optional<std::int64_t> pids, std::optional<std::int64_t> memory) {
  oci::Resources out;
  out.pids.emplace().limit = pids;
  out.memory.emplace().limit = memory;
  return out;
}

TEST(HardenUpdate, AFiniteLimitIsTakenAsItIs) {
  const auto out = harden_update(limits(9000, 1 << 20), {}, {}, Mode::strict_agent).value();
  EXPECT_EQ(out.resources, limits(9000, 1 << 20));
  EXPECT_TRUE(out.report.findings.empty());
}

TEST(HardenUpdate, TheLimitOnProcessesIsNotLifted) {
  const auto out = harden_update(limits(-1, 1 << 20), {}, {}, Mode::agent).value();
  EXPECT_EQ(out.resources.pids->limit, Policy{}.pids_limit);
  EXPECT_EQ(out.report.findings.size(), 1U);
}

TEST(HardenUpdate, ProductionKeepsItsLimitOnMemory) {
  EXPECT_EQ(harden_update(limits(5, -1), {}, {}, Mode::production).error().code, ErrorCode::policy);
  EXPECT_TRUE(harden_update(limits(5, -1), {}, {}, Mode::strict_agent));
}

TEST(HardenUpdate, UnifiedHasNoLastWord) {
  auto asked = limits(5, 1 << 20);
  asked.unified = {{"pids.max", "max"}, {"memory.max", "4096"}, {"memory.high", "5"}};
  const auto out = harden_update(asked, {}, {}, Mode::production).value();
  EXPECT_EQ(out.resources.pids->limit, 5);
  EXPECT_EQ(out.resources.memory->limit, 4096);
  EXPECT_EQ(out.resources.unified, (std::map<std::string, std::string>{{"memory.high", "5"}}));
  EXPECT_EQ(out.report.findings.size(), 2U);
}

TEST(HardenUpdate, PassthroughTakesEverything) {
  EXPECT_EQ(harden_update(limits(-1, -1), {}, {}, Mode::passthrough).value().resources, limits(-1, -1));
}

}  // namespace
}  // namespace nucleus::hardening
