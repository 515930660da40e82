#include "runtime/sys/ptrace_exec.hpp"

#include <sys/prctl.h>

#include <array>

#include "runtime/sys/kernel_test_support.hpp"

namespace nucleus::sys {
namespace {

// A child that waits for a byte, then runs `body`.
struct Started {
  Child child;
  UniqueFd go;
};

Started start(const std::function<void()>& body) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  auto cloned = clone3({});
  if (cloned->pid == 0) {
    char byte = 0;
    ::close(pipe[1]);
    static_cast<void>(::read(pipe[0], &byte, 1) < 0);
    body();
    ::_exit(9);
  }
  ::close(pipe[0]);
  return {Child(cloned->pid, std::move(cloned->pidfd)), UniqueFd(pipe[1])};
}

TEST(ExecWatch, StopsBeforeTheFirstInstruction) {
  Started started = start([] {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::execl("/bin/sh", "sh", "-c", "exit 3", nullptr);
  });
  auto watch = ExecWatch::seize(started.child.pid());
  ASSERT_TRUE(watch) << watch.error().text;
  started.go.reset();
  const auto event = watch->wait();
  ASSERT_TRUE(event);
  ASSERT_TRUE(event->at_exec);
  const std::string proc = "/proc/" + std::to_string(started.child.pid());
  EXPECT_NE(test::read_text(proc + "/status").find("NoNewPrivs:\t1"), std::string::npos);
  EXPECT_EQ(std::filesystem::canonical(proc + "/exe"), std::filesystem::canonical("/bin/sh"));
  ASSERT_TRUE(watch->detach());
  EXPECT_EQ(started.child.wait().value_or(-1), 3 << 8);
}

TEST(ExecWatch, FailedExecveIsNoStopAndTheExitIsReported) {
  Started started = start([] { ::execl("/nonexistent", "x", nullptr); });
  auto watch = ExecWatch::seize(started.child.pid());
  ASSERT_TRUE(watch);
  started.go.reset();
  const auto event = watch->wait();
  ASSERT_TRUE(event);
  EXPECT_FALSE(event->at_exec);
  EXPECT_EQ(event->wait_status, 9 << 8);
  started.child.mark_reaped();
}

TEST(ExecWatch, SignalsArePassedThrough) {
  Started started = start([] {
    ::signal(SIGUSR1, [](int) { ::execl("/bin/true", "true", nullptr); });
    ::kill(::getpid(), SIGUSR1);
  });
  auto watch = ExecWatch::seize(started.child.pid());
  ASSERT_TRUE(watch);
  started.go.reset();
  const auto event = watch->wait();
  ASSERT_TRUE(event && event->at_exec);
  ASSERT_TRUE(watch->detach());
  EXPECT_EQ(started.child.wait().value_or(-1), 0);
}

TEST(ExecWatch, KilledWhileWatched) {
  Started started = start([] {});
  auto watch = ExecWatch::seize(started.child.pid());
  ASSERT_TRUE(watch);
  ASSERT_TRUE(started.child.kill(SIGKILL));
  const auto event = watch->wait();
  ASSERT_TRUE(event);
  EXPECT_TRUE(WIFSIGNALED(event->wait_status));
  started.child.mark_reaped();
}

TEST(ExecWatch, AbandonedWatchKillsTheProcess) {
  Started started = start([] { ::execl("/bin/sleep", "sleep", "60", nullptr); });
  {
    auto watch = ExecWatch::seize(started.child.pid());
    ASSERT_TRUE(watch);
    started.go.reset();
    ASSERT_TRUE(watch->wait().value().at_exec);
  }
  EXPECT_FALSE(process_stat(started.child.pid()));
  started.child.mark_reaped();
}

}  // namespace
}  // namespace nucleus::sys
