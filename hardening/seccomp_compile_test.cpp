#include "hardening/seccomp_compile.hpp"

#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "hardening/seccomp_test_support.hpp"

// libseccomp 2.5.4 does not free a rule that an earlier one of the same call makes superfluous. Its frames above zmalloc,
// its allocator, are invisible to the fast unwinder.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() { return "leak:zmalloc\n"; }

namespace nucleus::hardening {
namespace {

using namespace testing;

constexpr std::uint32_t kLastNumber = 460;

// Same verdicts from both compilers, for all numbers and a grid of arguments where arguments count.
void expect_same(const oci::Seccomp& each, std::mt19937_64& random, std::size_t combinations) {
  const CompiledFilter native = must(compile_native(each));
  const CompiledFilter reference = must(compile_with_libseccomp(each));
  const auto grid = argument_grid(interesting_values({each}), random, combinations);
  const auto conditional = conditional_calls(each);
  for (std::uint32_t nr = 0; nr <= kLastNumber; ++nr) {
    const bool all = conditional.contains(nr);
    for (std::size_t i = 0; i < (all ? grid.size() : 2); ++i) {
      ASSERT_EQ(to_string(run(native, nr, grid[i])), to_string(run(reference, nr, grid[i])))
          << syscall_name(static_cast<int>(nr)) << " " << ::testing::PrintToString(grid[i]) << "\n"
          << oci::to_json(each, 1);
    }
  }
}

TEST(SeccompCompile, AgreesWithLibseccompOnTheShippedProfile) {
  std::mt19937_64 random(1);
  expect_same(shipped_profile(), random, 500);
}

TEST(SeccompCompile, AgreesWithLibseccompOnPodmansProfile) {
  std::mt19937_64 random(2);
  expect_same(podman_profile(), random, 2000);
}

TEST(SeccompCompile, AgreesWithLibseccompOnRandomProfiles) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    expect_same(random_profile(random, Rules::one), random, 200);
    expect_same(random_profile(random, Rules::equalities), random, 200);
    ASSERT_FALSE(HasFatalFailure());
  }
}

TEST(SeccompCompile, AgreesWithTheTableOnRandomProfiles) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(seed);
    const oci::Seccomp each = random_profile(random, Rules::any);
    const CompiledFilter filter = must(compile_native(each));
    const SyscallTable table = must(make_table(each));
    const auto grid = argument_grid(interesting_values({each}), random, 200);
    for (const std::uint32_t nr : conditional_calls(each)) {
      for (const Args& args : grid) {
        ASSERT_EQ(to_string(run(filter, nr, args)), to_string(table.decide(static_cast<int>(nr), args)))
            << "seed " << seed << " " << syscall_name(static_cast<int>(nr)) << ::testing::PrintToString(args);
      }
    }
  }
}

TEST(SeccompCompile, ForeignArchitectureIsKilledAndX32HasNoCalls) {
  const CompiledFilter open = must(compile_native(profile("ALLOW", {})));
  EXPECT_EQ(run(open, SYS_read, {}, AUDIT_ARCH_I386).action, Action::kill_process);
  EXPECT_EQ(run(open, 0x40000000, {}), (Verdict{Action::error, ENOSYS}));
  EXPECT_EQ(run(open, 0xffffffff, {}), (Verdict{Action::error, ENOSYS}));
  EXPECT_EQ(run(open, 0x3fffffff, {}).action, Action::allow);
  const CompiledFilter strict = must(compile_native(profile("KILL_PROCESS", {rule({"read"}, "ALLOW")})));
  EXPECT_EQ(run(strict, 0x40000000 | SYS_read, {}).action, Action::kill_process);
}

TEST(SeccompCompile, ReadIsNumberZeroAndLooksAtItsArguments) {
  const CompiledFilter filter = must(compile_native(profile("ERRNO", {rule({"read"}, "ALLOW", {arg(0, "EQ", 3)})})));
  EXPECT_EQ(run(filter, SYS_read, {3}).action, Action::allow);
  EXPECT_EQ(run(filter, SYS_read, {4}).action, Action::error);
  EXPECT_EQ(run(filter, SYS_write, {3}).action, Action::error);
}

TEST(SeccompCompile, LongProgramsJumpFarAndTooLongOnesAreRefused) {
  oci::Seccomp many = profile("ERRNO", {});
  for (std::uint64_t value = 0; value < 200; ++value) {
    many.syscalls.push_back(rule({"ioctl", "prctl"}, "ALLOW", {arg(1, "EQ", value << 32U | value)}));
  }
  const CompiledFilter filter = must(compile_native(many));
  EXPECT_GT(filter.code.size(), 1000U);
  EXPECT_EQ(run(filter, SYS_prctl, {0, 199ULL << 32U | 199}).action, Action::allow);
  EXPECT_EQ(run(filter, SYS_prctl, {0, 199}).action, Action::error);
  EXPECT_EQ(run(filter, SYS_openat, {}).action, Action::error);
  for (std::uint64_t value = 200; value < 900; ++value) {
    many.syscalls.push_back(rule({"ioctl", "prctl"}, "ALLOW", {arg(1, "EQ", value << 32U | value)}));
  }
  EXPECT_FALSE(compile_native(many));
}

TEST(SeccompCompile, SwitchOverOneWord) {
  constexpr std::uint64_t kLow = 0xffffffff;
  oci::Seccomp each = profile("ERRNO", {});
  for (const std::uint64_t value : {0ULL, 1ULL, 2ULL, 7ULL, 0xfffffffeULL, 0xffffffffULL}) {
    each.syscalls.push_back(rule({"ioctl"}, value == 7 ? "KILL_PROCESS" : "ALLOW", {arg(1, "MASKED_EQ", kLow, value)}));
  }
  std::mt19937_64 random(3);
  expect_same(each, random, 100);
}

TEST(SeccompCompile, NotifyAndFlags) {
  oci::Seccomp each = profile("ALLOW", {rule({"mkdir"}, "NOTIFY")});
  each.flags = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG"};
  for (const auto& compile : {compile_native, compile_with_libseccomp}) {
    const CompiledFilter filter = must(compile(each));
    EXPECT_TRUE(filter.uses_notify);
    EXPECT_EQ(filter.flags, unsigned{SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_NEW_LISTENER});
  }
  each.flags = {"SECCOMP_FILTER_FLAG_NOPE"};
  EXPECT_FALSE(compile_native(each));
  EXPECT_FALSE(compile_with_libseccomp(each));
}

TEST(SeccompCompile, LibseccompKnowsForeignArchitectures) {
  const CompiledFilter filter = must(compile_with_libseccomp(podman_profile()));
  constexpr std::uint32_t kI386Getpid = 20;
  constexpr std::uint32_t kI386InitModule = 128;
  EXPECT_EQ(run(filter, kI386Getpid, {}, AUDIT_ARCH_I386).action, Action::allow);
  EXPECT_EQ(run(filter, kI386InitModule, {}, AUDIT_ARCH_I386).action, Action::error);
  EXPECT_LT(run(filter, 0, {}, AUDIT_ARCH_AARCH64).action, Action::trap);
  oci::Seccomp bad = podman_profile();
  bad.architectures.emplace_back("SCMP_ARCH_VAX");
  EXPECT_FALSE(compile_with_libseccomp(bad));
}

TEST(SeccompCompile, UnknownNamesAreIgnoredAndNamed) {
  const oci::Seccomp each = profile("ERRNO", {rule({"no_such_call", "read"}, "ALLOW")});
  for (const auto& compile : {compile_native, compile_with_libseccomp}) {
    const CompiledFilter filter = must(compile(each));
    EXPECT_EQ(filter.unknown_names, std::vector<std::string>{"no_such_call"});
    EXPECT_EQ(run(filter, SYS_read, {}).action, Action::allow);
  }
}

}  // namespace
}  // namespace nucleus::hardening
