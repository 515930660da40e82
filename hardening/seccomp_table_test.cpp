#include "hardening/seccomp_table.hpp"

#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "hardening/seccomp_test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace testing;

TEST(SeccompVerdict, OrderIsTheKernels) {
  const std::vector<std::uint32_t> order = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP,
                                            SECCOMP_RET_ERRNO,        SECCOMP_RET_USER_NOTIF,  SECCOMP_RET_TRACE,
                                            SECCOMP_RET_LOG,          SECCOMP_RET_ALLOW};
  for (std::size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(to_kernel(from_kernel(order[i])), order[i]);
    if (i > 0) {
      // The kernel compares the action values as signed numbers, the least wins.
      EXPECT_LT(static_cast<std::int32_t>(order[i - 1]), static_cast<std::int32_t>(order[i]));
      EXPECT_LT(from_kernel(order[i - 1]), from_kernel(order[i]));
    }
  }
  EXPECT_EQ(from_kernel(0x12340000).action, Action::kill_process);
}

TEST(SeccompVerdict, OurErrnoWins) {
  EXPECT_EQ(more_restrictive({Action::error, 38}, {Action::error, 1}), (Verdict{Action::error, 38}));
  EXPECT_EQ(more_restrictive({Action::allow, 0}, {Action::error, 1}), (Verdict{Action::error, 1}));
  EXPECT_EQ(more_restrictive({Action::trap, 0}, {Action::error, 1}), (Verdict{Action::trap, 0}));
}

TEST(SeccompVerdict, ParsesSpellings) {
  EXPECT_EQ(must(parse_verdict("SCMP_ACT_KILL", {})).action, Action::kill_thread);
  EXPECT_EQ(must(parse_verdict("SCMP_ACT_ERRNO", {})), (Verdict{Action::error, EPERM}));
  EXPECT_EQ(must(parse_verdict("SCMP_ACT_ERRNO", 0U)), (Verdict{Action::error, 0}));
  EXPECT_EQ(must(parse_verdict("SCMP_ACT_TRACE", 65535U)), (Verdict{Action::trace, 65535}));
  EXPECT_FALSE(parse_verdict("SCMP_ACT_ERRNO", 4096U));
  EXPECT_FALSE(parse_verdict("SCMP_ACT_ALLOW", 1U));
  EXPECT_FALSE(parse_verdict("SCMP_ACT_allow", {}));
  EXPECT_FALSE(parse_verdict("", {}));
}

TEST(SeccompTable, UnconditionalRuleBeatsConditionalOnesWhereverItStands) {
  const auto conditional = rule({"read"}, "ERRNO", {arg(0, "EQ", 1)});
  for (const auto& rules :
       {std::vector{conditional, rule({"read"}, "ALLOW")}, {rule({"read"}, "ALLOW"), conditional}}) {
    const SyscallTable table = must(make_table(profile("KILL", rules)));
    EXPECT_EQ(table.decide(SYS_read, Args{1}).action, Action::allow);
  }
}

TEST(SeccompTable, RuleWithTheDefaultsVerdictIsNoRule) {
  const SyscallTable table =
      must(make_table(profile("ERRNO", {rule({"read"}, "ERRNO"), rule({"read"}, "ALLOW", {arg(0, "EQ", 1)})})));
  EXPECT_EQ(table.decide(SYS_read, Args{1}).action, Action::allow);
  EXPECT_EQ(table.decide(SYS_read, Args{2}).action, Action::error);
}

TEST(SeccompTable, ConditionsOnOneArgumentAreAlternatives) {
  const SyscallTable table = must(
      make_table(profile("ERRNO", {rule({"socket"}, "ALLOW", {arg(0, "EQ", 1), arg(0, "EQ", 2), arg(1, "EQ", 9)})})));
  EXPECT_EQ(table.decide(SYS_socket, Args{1, 0}).action, Action::allow);
  EXPECT_EQ(table.decide(SYS_socket, Args{2, 0}).action, Action::allow);
  EXPECT_EQ(table.decide(SYS_socket, Args{3, 9}).action, Action::allow);
  EXPECT_EQ(table.decide(SYS_socket, Args{3, 0}).action, Action::error);
}

TEST(SeccompTable, TheStrictestOfOverlappingRulesWins) {
  const SyscallTable table = must(make_table(profile(
      "ERRNO", {rule({"read"}, "ALLOW", {arg(0, "GE", 1)}), rule({"read"}, "KILL_PROCESS", {arg(0, "EQ", 7)})})));
  EXPECT_EQ(table.decide(SYS_read, Args{7}).action, Action::kill_process);
  EXPECT_EQ(table.decide(SYS_read, Args{8}).action, Action::allow);
}

TEST(SeccompTable, UnknownNamesAreCollectedForeignOnesAreNot) {
  const SyscallTable table =
      must(make_table(profile("ERRNO", {rule({"zzz", "stat64", "socketcall", "read", "", "aaa"}, "ALLOW")})));
  EXPECT_EQ(table.unknown_names, (std::vector<std::string>{"", "aaa", "zzz"}));
  EXPECT_EQ(table.rules.size(), 1U);
}

TEST(SeccompTable, ErrorsNameTheEntry) {
  const auto error_of = [](const oci::Seccomp& bad) {
    const auto table = make_table(bad);
    return table ? std::string("accepted") : table.error().text;
  };
  EXPECT_EQ(error_of(profile("NOPE", {})), "seccomp.defaultAction: unknown seccomp action \"SCMP_ACT_NOPE\"");
  EXPECT_EQ(error_of(profile("ALLOW", {rule({"read"}, "KILL"), rule({"read"}, "KILL", {arg(6, "EQ", 1)})})),
            "seccomp.syscalls[1]: seccomp argument index 6 is beyond 5");
  EXPECT_EQ(error_of(profile("ALLOW", {rule({"read"}, "KILL", {arg(0, "LIKE", 1)})})),
            "seccomp.syscalls[0]: unknown seccomp operator \"SCMP_CMP_LIKE\"");
}

}  // namespace
}  // namespace nucleus::hardening
