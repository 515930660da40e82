#include "runtime/sys/process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace nucleus::sys {
namespace {

TEST(ProcessStat, CommMayHoldParenthesesAndBlanks) {
  const auto stat =
      parse_process_stat("42 (a) R 1 (b)) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 123456789 1 2 3\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, 7);
  EXPECT_EQ(stat->flags, 4194560U);
  EXPECT_EQ(stat->threads, 3U);
  EXPECT_EQ(stat->start_time, 123456789U);
}

TEST(ProcessStat, MalformedTextIsRefused) {
  EXPECT_FALSE(parse_process_stat(""));
  EXPECT_FALSE(parse_process_stat("42 comm S 1"));
  EXPECT_FALSE(parse_process_stat("42 (comm) S 1 2"));
  EXPECT_FALSE(parse_process_stat("42 (comm) S x 42 42 0 -1 1 1 2 3 4 5 6 7 8 20 0 3 0 1 1"));
}

TEST(ProcessStat, ExitingCountsAsOverUnlessThreadsRun) {
  EXPECT_FALSE(is_over({'S', 1, 0, 1, 0}));
  EXPECT_TRUE(is_over({'Z', 1, 0, 1, 0}));
  EXPECT_TRUE(is_over({'S', 1, 0x4, 1, 0}));   // zap_pid_ns_processes
  EXPECT_FALSE(is_over({'Z', 1, 0x4, 2, 0}));  // leader gone, another thread lives
}

TEST(Process, OwnStatIsReadable) {
  const auto started = process_start_time(::getpid());
  ASSERT_TRUE(started);
  EXPECT_TRUE(process_alive(::getpid(), *started));
  EXPECT_FALSE(process_alive(::getpid(), *started + 1));  // a recycled pid
}

TEST(Child, IsKilledAndReapedOnDestruction) {
  pid_t pid = 0;
  {
    auto cloned = clone3({});
    ASSERT_TRUE(cloned);
    if (cloned->pid == 0) {
      ::pause();
      ::_exit(0);
    }
    const Child child(cloned->pid, std::move(cloned->pidfd));
    pid = child.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(Child, ZombieIsNotAlive) {
  auto cloned = clone3({});
  ASSERT_TRUE(cloned);
  if (cloned->pid == 0) {
    ::_exit(7);
  }
  Child child(cloned->pid, std::move(cloned->pidfd));
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
  const auto started = process_start_time(child.pid());
  ASSERT_TRUE(started);
  EXPECT_FALSE(process_alive(child.pid(), *started));
  const auto status = child.wait();
  ASSERT_TRUE(status);
  EXPECT_EQ(*status, 7 << 8);
}

TEST(CloseFrom, ClosesEverythingAbove) {
  auto cloned = clone3({});
  ASSERT_TRUE(cloned);
  if (cloned->pid == 0) {
    const int high = ::dup2(1, 200);
    const bool closed = high == 200 && close_from(3) && ::fcntl(200, F_GETFD) < 0 && ::fcntl(2, F_GETFD) >= 0;
    ::_exit(closed ? 0 : 1);
  }
  Child child(cloned->pid, std::move(cloned->pidfd));
  EXPECT_EQ(child.wait().value_or(-1), 0);
}

}  // namespace
}  // namespace nucleus::sys
