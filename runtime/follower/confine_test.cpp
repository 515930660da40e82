#include "runtime/follower/confine.hpp"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>

#include "hardening/seccomp_compile.hpp"
#include "hardening/seccomp_evaluator.hpp"

namespace nucleus::follower {
namespace {

constexpr std::uint32_t kAllowed = 0x7fff0000;  // SECCOMP_RET_ALLOW
constexpr std::uint32_t kKilled = 0x80000000;   // SECCOMP_RET_KILL_PROCESS
constexpr std::uint32_t kNotThere = 0x00050000U | ENOSYS;

std::uint32_t verdict(int number, std::array<std::uint64_t, 6> args = {}, std::uint32_t arch = AUDIT_ARCH_X86_64) {
  static const auto filter = hardening::compile_native(follower_seccomp());
  EXPECT_TRUE(filter.has_value()) << (filter ? "" : filter.error().text);
  EXPECT_TRUE(filter->unknown_names.empty());
  seccomp_data data{};
  data.nr = number;
  data.arch = arch;
  std::copy(args.begin(), args.end(), data.args);
  return hardening::evaluate(filter->code, data).value_or(0);
}

TEST(FollowerFilter, WhatItNeeds) {
  for (const int number : {SYS_poll, SYS_recvfrom, SYS_sendto, SYS_recvmsg, SYS_accept4, SYS_connect, SYS_getrandom,
                           SYS_close, SYS_write, SYS_ftruncate, SYS_exit_group, SYS_munmap, SYS_brk}) {
    EXPECT_EQ(verdict(number), kAllowed) << number;
  }
}

TEST(FollowerFilter, NothingThatOpensOrNames) {
  for (const int number : {SYS_open, SYS_openat, SYS_openat2, SYS_unlink, SYS_rename, SYS_mkdir, SYS_bind, SYS_listen,
                           SYS_kill, SYS_prctl, SYS_ioctl, SYS_capset, SYS_setuid, SYS_chroot, SYS_memfd_create,
                           SYS_io_uring_enter, SYS_socketpair, SYS_dup, SYS_pidfd_open}) {
    EXPECT_EQ(verdict(number), kNotThere) << number;
  }
}

TEST(FollowerFilter, NothingThatRunsOrMoves) {
  for (const int number : {SYS_execve, SYS_execveat, SYS_fork, SYS_clone, SYS_clone3, SYS_ptrace, SYS_setns,
                           SYS_unshare, SYS_mount, SYS_bpf, SYS_process_vm_writev, SYS_pidfd_getfd}) {
    EXPECT_EQ(verdict(number), kKilled) << number;
  }
  EXPECT_EQ(verdict(SYS_close, {}, AUDIT_ARCH_I386), kKilled);
}

TEST(FollowerFilter, InternetSocketsAlone) {
  EXPECT_EQ(verdict(SYS_socket, {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC}), kAllowed);
  EXPECT_EQ(verdict(SYS_socket, {AF_INET6, SOCK_STREAM | SOCK_NONBLOCK}), kAllowed);
  EXPECT_EQ(verdict(SYS_socket, {AF_INET, SOCK_RAW}), kNotThere);
  for (const int family : {AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG}) {
    EXPECT_EQ(verdict(SYS_socket, {static_cast<std::uint64_t>(family), SOCK_DGRAM}), kNotThere) << family;
  }
  EXPECT_EQ(verdict(SYS_setsockopt, {9, SOL_SOCKET, SO_MARK}), kAllowed);
  EXPECT_EQ(verdict(SYS_setsockopt, {9, SOL_SOCKET, SO_BINDTODEVICE}), kNotThere);
  EXPECT_EQ(verdict(SYS_setsockopt, {9, IPPROTO_IP, SO_MARK}), kNotThere);
}

TEST(FollowerFilter, NoMemoryThatRuns) {
  EXPECT_EQ(verdict(SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE}), kAllowed);
  EXPECT_EQ(verdict(SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC}), kNotThere);
  EXPECT_EQ(verdict(SYS_mprotect, {0, 4096, PROT_EXEC}), kNotThere);
}

}  // namespace
}  // namespace nucleus::follower
