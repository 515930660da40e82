#include "hardening/trace_generate.hpp"

#include <asm/unistd_64.h>
#include <gmock/gmock.h>

#include "hardening/seccomp_allowed.hpp"
#include "hardening/seccomp_test_support.hpp"
#include "hardening/seccomp_union.hpp"

namespace nucleus::hardening {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TraceRecord record(int nr, const Args& args, TraceVerdict verdict = TraceVerdict::allowed, int sys_errno = 0) {
  const TraceCall call = generalise(nr, args);
  return {syscall_name(nr),
          nr,
          {call.args.begin(), call.args.begin() + call.count},
          1,
          "a",
          "a",
          verdict,
          static_cast<std::uint16_t>(sys_errno)};
}

Trace sample() {
  Trace trace{"web", "default", "", {}, true, 0};
  trace.records = {record(__NR_execve, {}),
                   record(__NR_read, {}),
                   record(__NR_socket, {2, 1, 6}),
                   record(__NR_socket, {10, 2, 17}),
                   record(__NR_ioctl, {0, 0x5413}),
                   record(__NR_mmap, {0, 1, 3}),
                   record(__NR_mmap, {0, 1, 5}),
                   record(__NR_clone, {0x01200011}),
                   record(__NR_getxattr, {}, TraceVerdict::denied, 95),
                   record(__NR_flock, {}, TraceVerdict::learned, 38)};
  return trace;
}

CompiledFilter generated(const Trace& trace, bool denied = false) {
  const auto made = must(generate_profile(std::span(&trace, 1), shipped_profile(), denied));
  return must(compile_native(made.profile));
}

TEST(TraceGenerate, AllowsWhatWasSeenAndNothingElse) {
  const auto filter = generated(sample());
  const Verdict allow{Action::allow, 0};
  const Verdict unknown{Action::error, 38};
  EXPECT_EQ(run(filter, __NR_read, {}), allow);
  EXPECT_EQ(run(filter, __NR_flock, {}), allow);
  EXPECT_EQ(run(filter, __NR_write, {}), unknown);
  EXPECT_EQ(run(filter, __NR_socket, {2, 1 | 02000000, 0}), allow);
  EXPECT_EQ(run(filter, __NR_socket, {2, 3, 0}), unknown);
  EXPECT_EQ(run(filter, __NR_socket, {10, 2, 0}), allow);
  EXPECT_EQ(run(filter, __NR_socket, {10, 1, 0}), unknown);
  EXPECT_EQ(run(filter, __NR_socket, {1, 1, 0}), unknown);
  EXPECT_EQ(run(filter, __NR_ioctl, {9, 0x5413}), allow);
  EXPECT_EQ(run(filter, __NR_ioctl, {9, 0x5412}), unknown);
  EXPECT_EQ(run(filter, __NR_mmap, {0, 1, 1}), allow);
  EXPECT_EQ(run(filter, __NR_mmap, {0, 1, 7}), unknown);
  EXPECT_EQ(run(filter, __NR_clone, {0x01200011}), allow);
  EXPECT_EQ(run(filter, __NR_clone, {0x10000011}), unknown);
}

TEST(TraceGenerate, KeepsTheErrnosThatProgramsSaw) {
  const auto filter = generated(sample());
  EXPECT_EQ(run(filter, __NR_getxattr, {}), (Verdict{Action::error, 95}));
  EXPECT_EQ(run(filter, __NR_init_module, {}), (Verdict{Action::kill_process, 0}));
  EXPECT_EQ(run(filter, __NR_socket, {40, 1, 0}), (Verdict{Action::error, 97}));
  EXPECT_EQ(run(generated(sample(), true), __NR_getxattr, {}), (Verdict{Action::allow, 0}));
}

TEST(TraceGenerate, NamesWhatItAdds) {
  const Trace trace = sample();
  const auto made = must(generate_profile(std::span(&trace, 1), shipped_profile(), false));
  EXPECT_THAT(made.added, ElementsAre("exit_group", "restart_syscall", "rt_sigreturn", "sendmsg"));
  EXPECT_THAT(made.notes, IsEmpty());
  EXPECT_EQ(run(must(compile_native(made.profile)), __NR_exit_group, {}), (Verdict{Action::allow, 0}));
}

TEST(TraceGenerate, SaysWhatATraceCannotTell) {
  Trace trace = sample();
  trace.complete = false;
  trace.lost = 3;
  trace.records.push_back({"", 9999, {}, 1, "x", "x", {}, 0});
  const auto made = must(generate_profile(std::span(&trace, 1), shipped_profile(), false));
  EXPECT_THAT(made.notes, ElementsAre(HasSubstr("no end"), HasSubstr("lost 3 calls"), HasSubstr("system call 9999")));
}

TEST(TraceGenerate, AForgedNameIsRefused) {
  Trace trace = sample();
  trace.records = {{"ptrace", __NR_read, {}, 1, "x", "x", {}, 0}};
  const auto made = generate_profile(std::span(&trace, 1), shipped_profile(), false);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().text, HasSubstr("\"ptrace\" is not system call 0"));
}

TEST(TraceGenerate, TheFileParsesToTheProfile) {
  const Trace trace = sample();
  const auto made = must(generate_profile(std::span(&trace, 1), shipped_profile(), false));
  EXPECT_EQ(must(oci::parse_seccomp(profile_text(made.profile), "p")), made.profile);
  EXPECT_EQ(must(oci::parse_seccomp(profile_text(shipped_profile()), "p")), shipped_profile());
}

TEST(TraceUse, UnusedAndMissing) {
  Trace trace = sample();
  const auto made = must(generate_profile(std::span(&trace, 1), shipped_profile(), false));
  EXPECT_THAT(must(profile_use(made.profile, std::span(&trace, 1))).unused,
              ElementsAre("exit_group", "restart_syscall", "rt_sigreturn", "sendmsg"));
  trace.records = {record(__NR_execve, {}), record(__NR_socket, {2, 1, 6}), record(__NR_socket, {1, 1, 0}),
                   record(__NR_chmod, {})};
  const auto use = must(profile_use(made.profile, std::span(&trace, 1)));
  EXPECT_THAT(use.missing, ElementsAre("chmod", "socket: arg0 & 0xffffffff == 0x1, arg1 & 0xf == 0x1"));
  EXPECT_THAT(use.unused, Contains("socket: arg0 & 0xffffffff == 0xa, arg1 & 0xf == 0x2"));
  EXPECT_THAT(use.unused, Contains("read"));
}

oci::Seccomp small(std::vector<oci::SeccompRule> rules) {
  auto out = profile("ERRNO", std::move(rules));
  out.default_errno_ret = 38;
  return out;
}

TEST(SeccompUnion, AllowsWhatEitherAllowsAndNothingMore) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 60; ++round) {
    std::vector<oci::Seccomp> both = {random_profile(random, Rules::any), random_profile(random, Rules::any)};
    for (auto& each : both) {
      each.default_action = "SCMP_ACT_ERRNO";
    }
    const auto made = must(unite(both));
    const auto a = must(make_table(both[0]));
    const auto b = must(make_table(both[1]));
    const auto u = must(make_table(made.profile));
    const auto allows = [](const SyscallTable& table, int nr, const Args& args) {
      return table.decide(nr, args).action >= Action::log;
    };
    const auto grid = argument_grid(interesting_values(both), random, 300);
    for (const std::uint32_t nr : conditional_calls(both[0])) {
      for (const Args& args : grid) {
        const int number = static_cast<int>(nr);
        const bool either = allows(a, number, args) || allows(b, number, args);
        const bool now = allows(u, number, args);
        ASSERT_TRUE(!now || either) << syscall_name(number);
        if (made.notes.empty()) {
          ASSERT_EQ(now, either) << syscall_name(number);
        }
      }
    }
  }
}

TEST(SeccompUnion, KeepsTheFirstsDenials) {
  const std::vector<oci::Seccomp> both = {small({rule({"read"}, "ALLOW"), rule({"bpf", "ptrace"}, "KILL_PROCESS")}),
                                          small({rule({"write", "ptrace"}, "ALLOW")})};
  const auto filter = must(compile_native(must(unite(both)).profile));
  EXPECT_EQ(run(filter, __NR_read, {}).action, Action::allow);
  EXPECT_EQ(run(filter, __NR_write, {}).action, Action::allow);
  EXPECT_EQ(run(filter, __NR_ptrace, {}).action, Action::allow);
  EXPECT_EQ(run(filter, __NR_bpf, {}).action, Action::kill_process);
}

TEST(SeccompUnion, AProfileThatAllowsByDefaultHasNoList) {
  const std::vector<oci::Seccomp> one = {profile("ALLOW", {})};
  const auto made = unite(one);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().text, HasSubstr("defaultAction: expected one that denies"));
}

TEST(SeccompDiff, ByMeaning) {
  const auto before = small({rule({"read", "write"}, "ALLOW"), rule({"socket"}, "ALLOW", {arg(0, "EQ", 1)}),
                             rule({"socket"}, "ALLOW", {arg(0, "EQ", 2)})});
  const auto shuffled = small({rule({"socket"}, "ALLOW", {arg(0, "EQ", 2)}), rule({"write"}, "ALLOW"),
                               rule({"socket"}, "ALLOW", {arg(0, "EQ", 1)}), rule({"read"}, "ALLOW")});
  EXPECT_TRUE(must(diff(before, shuffled)).same());
  EXPECT_EQ(to_text(must(diff(before, shuffled))), "");
  auto after = small({rule({"read", "open"}, "ALLOW"), rule({"socket"}, "ALLOW", {arg(0, "EQ", 1)}),
                      rule({"socket"}, "ALLOW", {arg(0, "EQ", 10)}), rule({"bpf"}, "KILL_PROCESS")});
  after.default_errno_ret = 1;
  EXPECT_EQ(to_text(must(diff(before, after))),
            "- write\n+ open\n- socket: arg0 == 0x2\n+ socket: arg0 == 0xa\n"
            "~ default: SCMP_ACT_ERRNO(38) -> SCMP_ACT_ERRNO(1)\n~ bpf: not by name -> SCMP_ACT_KILL_PROCESS\n");
  EXPECT_THAT(to_json(must(diff(before, after))), HasSubstr("\"added\": [\n    \"open\"\n  ]"));
}

}  // namespace
}  // namespace nucleus::hardening
