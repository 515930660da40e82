#include "runtime/sys/pid_namespace.hpp"

#include "runtime/sys/kernel_test_support.hpp"

namespace nucleus::sys {
namespace {

// A child that does nothing until it is killed.
Child idle(std::uint64_t namespaces) {
  auto cloned = clone3({namespaces, -1});
  EXPECT_TRUE(cloned) << cloned.error().text;
  if (cloned && cloned->pid == 0) {
    while (true) {
      ::pause();
    }
  }
  return cloned ? Child(cloned->pid, std::move(cloned->pidfd)) : Child();
}

TEST(PidNamespace, ListsItsProcessesAlone) {
  ASSERT_OK_ASSIGN(const ProcHandle proc, ProcHandle::open());
  const Child one = idle(CLONE_NEWPID);
  const Child other = idle(CLONE_NEWPID);
  const Child ours = idle(0);
  ASSERT_OK_ASSIGN(const auto found, processes_in_pid_namespace_of(proc, one.pid()));
  EXPECT_EQ(found, std::vector<pid_t>{one.pid()});
}

// The number of an init that has ended may be that of any process of the machine: its namespace is no container's.
TEST(PidNamespace, TheCallersOwnIsNoContainers) {
  ASSERT_OK_ASSIGN(const ProcHandle proc, ProcHandle::open());
  const Child ours = idle(0);
  EXPECT_EQ(processes_in_pid_namespace_of(proc, ours.pid()).error().sys_errno, ESRCH);
  EXPECT_EQ(processes_in_pid_namespace_of(proc, ::getpid()).error().sys_errno, ESRCH);
}

TEST(PidNamespace, AnEndedInitHasNone) {
  ASSERT_OK_ASSIGN(const ProcHandle proc, ProcHandle::open());
  Child gone = idle(CLONE_NEWPID);
  const pid_t pid = gone.pid();
  ASSERT_OK(gone.kill(SIGKILL));
  ASSERT_OK(gone.wait());
  EXPECT_FALSE(processes_in_pid_namespace_of(proc, pid));
}

}  // namespace
}  // namespace nucleus::sys
