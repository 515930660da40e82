// The kernel takes what the compiler makes, and decides as the evaluator says.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "hardening/seccomp_intersect.hpp"
#include "hardening/seccomp_test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace testing;

// Runs in the child after the filter is in; its result is the exit status.
using Probe = int (*)();

int install(const CompiledFilter& filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.code.size()),
                           const_cast<sock_filter*>(filter.code.data())};  // the kernel only reads it
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return -1;
  }
  return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter.flags, &program));
}

int status_of(const CompiledFilter& filter, Probe probe) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(install(filter) == 0 ? probe() : 99);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

class InKernel : public ::testing::TestWithParam<const char*> {
 protected:
  CompiledFilter filter() {
    const std::string which = GetParam();
    if (which == "shipped") {
      return must(compile_native(shipped_profile()));
    }
    const oci::Seccomp both = must(intersect(shipped_profile(), podman_profile())).profile;
    return must(which == "intersected" ? compile_native(both) : compile_with_libseccomp(both));
  }
};

TEST_P(InKernel, AllowsAndDenies) {
  const int status = status_of(filter(), [] {
    const bool allowed = ::syscall(SYS_getppid) > 0;
    const bool unshare = ::syscall(SYS_unshare, 0x20000) == -1 && errno == ENOSYS;
    const bool thread = ::syscall(SYS_clone3, nullptr, 0) == -1 && errno == ENOSYS;
    const bool packet = ::syscall(SYS_socket, 17, 3, 0) == -1 && errno == EAFNOSUPPORT;
    const bool algorithm = ::syscall(SYS_socket, 38, 5, 0) == -1 && errno == EAFNOSUPPORT;
    const bool typing = ::syscall(SYS_ioctl, 0, 0xdead00005412ULL, "x") == -1 && errno == ENOSYS;
    const bool closed = ::syscall(SYS_ioctl, -1, 0x5401, nullptr) == -1 && errno == EBADF;
    return allowed && unshare && thread && packet && algorithm && typing && closed ? 0 : 1;
  });
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_P(InKernel, KillsModuleLoaders) {
  const int status = status_of(filter(), [] { return static_cast<int>(::syscall(SYS_init_module, nullptr, 0, "")); });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

INSTANTIATE_TEST_SUITE_P(Filters, InKernel, ::testing::Values("shipped", "intersected", "libseccomp"));

TEST(InKernelForeign, Int80IsKilled) {
  const int status = status_of(must(compile_native(profile("ALLOW", {}))), [] {
    long result = 20;  // getpid of i386
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return 0;
  });
  EXPECT_TRUE(WIFSIGNALED(status));
}

}  // namespace
}  // namespace nucleus::hardening
