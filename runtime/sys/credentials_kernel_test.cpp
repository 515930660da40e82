#include "runtime/sys/credentials.hpp"

#include <sys/prctl.h>

#include <cerrno>

#include "runtime/sys/kernel_test_support.hpp"
#include "runtime/sys/keyring.hpp"
#include "runtime/sys/limits.hpp"
#include "runtime/sys/scheduling.hpp"

namespace nucleus::sys {
namespace {

constexpr CapabilityMask kChown = CapabilityMask{1} << 0;
constexpr CapabilityMask kNetRaw = CapabilityMask{1} << 13;

std::string status_line(const std::string& name) {
  const std::string text = "\n" + test::read_text("/proc/self/status");
  const auto at = text.find("\n" + name + ":\t");
  const auto begin = at + name.size() + 3;
  return at == std::string::npos ? "" : text.substr(begin, text.find('\n', begin) - begin);
}

TEST(Credentials, BoundingSetKeepsExactlyTheMask) {
  test::in_child(0, [] {
    ASSERT_OK(drop_bounding_set(kChown | kNetRaw));
    EXPECT_EQ(bounding_set().value(), kChown | kNetRaw);
    EXPECT_EQ(status_line("CapBnd"), "0000000000002001");
    ASSERT_OK(drop_bounding_set(~CapabilityMask{0}));  // cannot come back
    EXPECT_EQ(bounding_set().value(), kChown | kNetRaw);
  });
}

TEST(Credentials, EverythingGoneForAnUnprivilegedUser) {
  test::in_child(0, [] {
    ASSERT_OK(drop_bounding_set(0));
    ASSERT_OK(set_ids({1000, 1001, {5, 3, 4}, true}));
    ASSERT_OK(set_capabilities({}));
    ASSERT_OK(set_no_new_privileges());
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
      EXPECT_EQ(status_line(set), "0000000000000000") << set;
    }
    EXPECT_EQ(status_line("Uid"), "1000\t1000\t1000\t1000");
    EXPECT_EQ(status_line("Gid"), "1001\t1001\t1001\t1001");
    EXPECT_EQ(status_line("NoNewPrivs"), "1");
    EXPECT_NE(::setuid(0), 0);
    EXPECT_EQ(::prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0), 0);
  });
}

TEST(Credentials, AmbientCapabilityOfAUserReachesExec) {
  test::in_child(0, [] {
    ASSERT_OK(drop_bounding_set(kChown));
    ASSERT_OK(set_ids({1000, 1000, {}, true}));
    ASSERT_OK(set_capabilities({kChown, kChown, kChown, kChown}));
    ::execl("/bin/grep", "grep", "-q", "CapEff:.*0000000000000001", "/proc/self/status", nullptr);
    FAIL() << "exec";
  });
}

TEST(Credentials, WhatIsNotHeldCannotBeTaken) {
  test::in_child(0, [] {
    ASSERT_OK(set_capabilities({kChown, kChown, 0, 0}));
    EXPECT_EQ(set_capabilities({kNetRaw, 0, 0, 0}).error().sys_errno, EPERM);
    EXPECT_EQ(drop_bounding_set(0).error().sys_errno, EPERM);
    EXPECT_FALSE(set_capabilities({kChown, 0, 0, kChown}));  // ambient without inheritable
    EXPECT_FALSE(set_ids({1000, 1000, {}, true}));
  });
}

TEST(Limits, SetReadAndRefuse) {
  test::in_child(0, [] {
    ASSERT_OK(set_rlimit(0, *rlimit_number("RLIMIT_NOFILE"), {100, 200}));
    EXPECT_EQ(get_rlimit(0, *rlimit_number("RLIMIT_NOFILE")).value().hard, 200U);
    EXPECT_EQ(set_rlimit(0, *rlimit_number("RLIMIT_NOFILE"), {300, 200}).error().sys_errno, EINVAL);
    ASSERT_OK(set_ids({1000, 1000, {}, true}));
    ASSERT_OK(set_capabilities({}));
    const auto raised = set_rlimit(0, *rlimit_number("RLIMIT_NOFILE"), {100, 201});
    ASSERT_FALSE(raised);
    EXPECT_EQ(raised.error().sys_errno, EPERM);
    EXPECT_NE(raised.error().text.find("RLIMIT_NOFILE"), std::string::npos);
  });
  EXPECT_FALSE(rlimit_number("RLIMIT_BOGUS"));
}

TEST(Limits, OomScoreThroughThePrivateProc) {
  test::in_child(0, [] {
    ASSERT_OK_ASSIGN(const ProcHandle proc, ProcHandle::open());
    ASSERT_OK(set_oom_score_adj(proc, 500));
    EXPECT_EQ(test::read_text("/proc/self/oom_score_adj"), "500\n");
    EXPECT_EQ(set_oom_score_adj(proc, 5000).error().sys_errno, EINVAL);
  });
}

TEST(Scheduling, EverySettingTakesEffect) {
  test::in_child(0, [] {
    ASSERT_OK(set_scheduler({*scheduler_policy("SCHED_BATCH"), 0, 5, 0, 0, 0, 0}));
    EXPECT_EQ(::sched_getscheduler(0), SCHED_BATCH);
    EXPECT_FALSE(set_scheduler({99, 0, 0, 0, 0, 0, 0}));
    ASSERT_OK(set_io_priority(*io_priority_class("IOPRIO_CLASS_BE"), 7));
    EXPECT_FALSE(set_io_priority(9, 0));
    ASSERT_OK(set_cpu_affinity(0, {0}));
    cpu_set_t cpus;
    ASSERT_EQ(::sched_getaffinity(0, sizeof(cpus), &cpus), 0);
    EXPECT_EQ(CPU_COUNT(&cpus), 1);
    EXPECT_FALSE(set_cpu_affinity(0, {8000}));
    ASSERT_OK(set_personality(*personality_number("LINUX32")));
    const auto policy = set_memory_policy(*memory_policy_mode("MPOL_BIND"), {0});
    EXPECT_TRUE(policy || policy.error().sys_errno == ENOSYS);
  });
}

TEST(Keyring, NewSessionKeyring) {
  test::in_child(0, [] {
    ASSERT_OK(join_new_session_keyring("_ses.test", KeyringSupport::optional));
    const std::string keys = test::read_text("/proc/keys");
    EXPECT_TRUE(keys.empty() || keys.find("_ses.test") != std::string::npos);
  });
}

}  // namespace
}  // namespace nucleus::sys
