#include "hardening/test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using ::testing::Contains;
using ::testing::Not;

TEST(Paths, UnionWithTheConfigs) {
  auto spec = plain_spec();
  spec.linux.masked_paths = {"/proc/mine", "/proc/kcore"};
  spec.linux.readonly_paths = {"/proc/sys"};
  const auto run = run_rule(harden_paths, spec);
  const auto& masked = run.spec.linux.masked_paths;
  for (const auto* const path : {"/proc/mine", "/proc/kallsyms", "/proc/keys", "/proc/interrupts", "/sys/firmware",
                                 "/sys/devices/virtual/powercap", "/sys/devices/system/cpu/cpu0/thermal_throttle"}) {
    EXPECT_THAT(masked, Contains(path).Times(1));
  }
  EXPECT_THAT(masked, Contains("/proc/kcore").Times(1));
  EXPECT_THAT(run.spec.linux.readonly_paths, Contains("/proc/sysrq-trigger"));
  EXPECT_EQ(run.count(FindingKind::tightened), 2U);
  EXPECT_FALSE(run_rule(harden_paths, run.spec).changed());
}

TEST(Paths, DuplicatesGo) {
  auto spec = run_rule(harden_paths, plain_spec()).spec;
  spec.linux.masked_paths.push_back("/proc/kcore");
  const auto run = run_rule(harden_paths, spec);
  EXPECT_TRUE(run.changed());
  EXPECT_THAT(run.spec.linux.masked_paths, Contains("/proc/kcore").Times(1));
}

TEST(Paths, AGrantLiftsOursButNotTheConfigs) {
  const auto policy = small_policy({"unmasked:/proc/interrupts", "unmasked:/proc/kcore"});
  auto spec = plain_spec();
  spec.linux.masked_paths = {"/proc/kcore"};
  const auto run = run_rule(harden_paths, spec, Mode::strict_agent, policy);
  EXPECT_THAT(run.spec.linux.masked_paths, Not(Contains("/proc/interrupts")));
  EXPECT_THAT(run.spec.linux.masked_paths, Contains("/proc/kcore"));
  EXPECT_EQ(run.count(FindingKind::granted), 1U);
}

TEST(Paths, ABindOfTheHostsSysBringsItsFileSystemsAlong) {
  auto spec = plain_spec();
  spec.mounts = {mount_of("/sys", "bind", "/sys", {"rbind"})};
  EXPECT_THAT(run_rule(harden_paths, spec).spec.linux.masked_paths, Contains("/sys/kernel/debug"));
  EXPECT_THAT(run_rule(harden_paths, plain_spec()).spec.linux.masked_paths, Not(Contains("/sys/kernel/debug")));
}

}  // namespace
}  // namespace nucleus::hardening
