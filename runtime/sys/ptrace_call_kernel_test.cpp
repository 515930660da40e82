#include "runtime/sys/ptrace_call.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nucleus::sys {
namespace {

// The child stops itself and tells afterwards by its status whether it has no_new_privs and is otherwise as it was.
TEST(PtraceCall, SetsNoNewPrivilegesOfAStoppedProcess) {
  const pid_t child = ::fork();
  if (child == 0) {
    volatile long kept = 42;
    ::raise(SIGSTOP);
    ::_exit(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && kept == 42 ? 7 : 8);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  const Status done = set_no_new_privileges_of(child);
  EXPECT_TRUE(done.has_value()) << done.error().text;
  ::usleep(50'000);
  EXPECT_EQ(::waitpid(child, &status, WNOHANG), 0) << "it must still be stopped";
  ASSERT_EQ(::kill(child, SIGCONT), 0);
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

}  // namespace
}  // namespace nucleus::sys
