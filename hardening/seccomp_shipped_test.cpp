// The shipped default list: what it promises, and that its document keeps up with it.
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <sstream>

#include "hardening/policy.hpp"
#include "hardening/seccomp_test_support.hpp"
#include "hardening/shipped_policies.hpp"
#include "runtime/base/test_source.hpp"

namespace nucleus::hardening {
namespace {

using namespace testing;

constexpr std::uint64_t kGarbage = 0xdeadULL << 32U;

std::set<std::string> allowed_names(const oci::Seccomp& profile) {
  std::set<std::string> names;
  for (const oci::SeccompRule& entry : profile.syscalls) {
    if (entry.action == "SCMP_ACT_ALLOW") {
      names.insert(entry.names.begin(), entry.names.end());
    }
  }
  return names;
}

// The names in the tables of policies/SET/seccomp.md before a heading; each must come with a reason.
std::set<std::string> documented_names(const std::string& set, const std::string& heading) {
  const auto text =
      must(read_file(AT_FDCWD, nucleus::test::source_directory() + "/policies/" + set + "/seccomp.md", 1U << 20U));
  std::istringstream lines(text.substr(0, text.find(heading)));
  std::set<std::string> documented;
  for (std::string line; std::getline(lines, line);) {
    const auto end = line.find("` | ");
    if (line.rfind("| `", 0) == 0 && end != std::string::npos) {
      EXPECT_TRUE(documented.insert(line.substr(3, end - 3)).second) << line;
      EXPECT_GT(line.size(), end + 10) << "no reason: " << line;
    }
  }
  return documented;
}

class ShippedList : public ::testing::Test {
 protected:
  const oci::Seccomp list = shipped_profile();
  const CompiledFilter filter = must(compile_native(list));

  Verdict verdict(std::uint32_t nr, const Args& args = {}) { return run(filter, nr, args); }
  bool allowed(std::uint32_t nr, const Args& args = {}) { return verdict(nr, args).action == Action::allow; }
};

TEST_F(ShippedList, AtMost130KnownNames) {
  EXPECT_LE(allowed_names(list).size(), 130U);
  EXPECT_GE(allowed_names(list).size(), 100U);
  EXPECT_TRUE(filter.unknown_names.empty());
}

TEST_F(ShippedList, EveryAllowedNameHasItsReason) {
  EXPECT_EQ(documented_names("default", "## Allowed with conditions"), allowed_names(list));
}

// What the document of a set lists, is added to the default list; nothing is taken away.
TEST_F(ShippedList, OtherSetsAddWhatTheirDocumentsSay) {
  constexpr std::size_t kMost = 185;
  for (const auto set : shipped_sets()) {
    if (set == "default") {
      continue;
    }
    const std::string name(set);
    std::set<std::string> expected = documented_names(name, "## Left out");
    for (const auto& call : allowed_names(list)) {
      EXPECT_TRUE(expected.insert(call).second) << name << ": " << call << " is in the default list";
    }
    EXPECT_EQ(expected, allowed_names(must(load_policy(name, {})).seccomp)) << name;
    EXPECT_LE(expected.size(), kMost) << name;
  }
}

TEST_F(ShippedList, OtherSetsKeepTheDefaultListsConditions) {
  for (const auto set : shipped_sets()) {
    const CompiledFilter other = must(compile_native(must(load_policy(std::string(set), {})).seccomp));
    for (const char* name : {"unshare", "setns", "mount", "ptrace", "bpf", "keyctl", "clone3", "userfaultfd"}) {
      const auto nr = static_cast<std::uint32_t>(*syscall_number(name));
      EXPECT_EQ(run(other, nr, {}), (Verdict{Action::error, ENOSYS})) << set << " " << name;
    }
    EXPECT_EQ(run(other, SYS_chroot, {}).action == Action::allow, set == "sshd") << set;
    EXPECT_EQ(run(other, SYS_prctl, {PR_SET_SECCOMP, SECCOMP_MODE_FILTER}).action == Action::allow, set == "sshd");
    EXPECT_EQ(run(other, SYS_prctl, {PR_SET_SECCOMP, SECCOMP_MODE_STRICT}).action, Action::error) << set;
    EXPECT_EQ(run(other, SYS_clone, {0x10000000ULL | SIGCHLD}).action, Action::error) << set;
    EXPECT_EQ(run(other, SYS_ioctl, {0, 0x5412}).action, Action::error) << set;
    EXPECT_EQ(run(other, SYS_socket, {AF_PACKET, SOCK_RAW, 0}), (Verdict{Action::error, EAFNOSUPPORT})) << set;
    EXPECT_EQ(run(other, SYS_kexec_load, {}).action, Action::kill_process) << set;
  }
}

TEST_F(ShippedList, TheBinaryHoldsTheFile) {
  const auto file =
      read_file(AT_FDCWD, nucleus::test::source_directory() + "/policies/default/seccomp.json", 1U << 20U);
  ASSERT_TRUE(file);
  EXPECT_EQ(shipped_file("default", "seccomp.json"), std::string_view(*file));
  EXPECT_FALSE(shipped_file("default", "nothing.json"));
  EXPECT_FALSE(shipped_file("nothing", "seccomp.json"));
  const auto sets = shipped_sets();
  EXPECT_NE(std::find(sets.begin(), sets.end(), "default"), sets.end());
}

TEST_F(ShippedList, DangerousCallsFailWithoutKilling) {
  for (const char* name : {"unshare",
                           "setns",
                           "mount",
                           "umount2",
                           "pivot_root",
                           "ptrace",
                           "bpf",
                           "keyctl",
                           "add_key",
                           "request_key",
                           "perf_event_open",
                           "io_uring_setup",
                           "io_uring_enter",
                           "userfaultfd",
                           "process_vm_readv",
                           "process_vm_writev",
                           "open_by_handle_at",
                           "name_to_handle_at",
                           "fanotify_init",
                           "personality",
                           "chroot",
                           "fsopen",
                           "fsmount",
                           "move_mount",
                           "open_tree",
                           "mount_setattr",
                           "pidfd_getfd",
                           "kcmp",
                           "quotactl",
                           "acct",
                           "settimeofday",
                           "iopl",
                           "ioperm",
                           "modify_ldt",
                           "vmsplice",
                           "reboot",
                           "clone3",
                           "seccomp",
                           "execveat",
                           "mknodat"}) {
    const auto nr = syscall_number(name);
    ASSERT_TRUE(nr) << name;
    EXPECT_EQ(verdict(static_cast<std::uint32_t>(*nr)), (Verdict{Action::error, ENOSYS})) << name;
  }
}

TEST_F(ShippedList, CloneMakesThreadsAndProcessesButNoNamespaces) {
  constexpr std::uint64_t kThread = 0x3d0f00;  // what pthread_create passes
  EXPECT_TRUE(allowed(SYS_clone, {kThread}));
  EXPECT_TRUE(allowed(SYS_clone, {0x1200011}));
  for (const std::uint64_t flag :
       {0x00020000ULL, 0x02000000ULL, 0x04000000ULL, 0x08000000ULL, 0x10000000ULL, 0x20000000ULL, 0x40000000ULL}) {
    EXPECT_FALSE(allowed(SYS_clone, {flag | SIGCHLD})) << flag;
    EXPECT_FALSE(allowed(SYS_clone, {flag | kGarbage})) << flag;
  }
}

TEST_F(ShippedList, SocketFamilies) {
  const auto socket = [this](std::uint64_t family, std::uint64_t type, std::uint64_t protocol) {
    return verdict(SYS_socket, {family, type, protocol});
  };
  const Verdict allow{Action::allow, 0};
  EXPECT_EQ(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), allow);
  EXPECT_EQ(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 6), allow);
  EXPECT_EQ(socket(AF_INET6, SOCK_DGRAM, 58), allow);
  EXPECT_EQ(socket(AF_INET | kGarbage, SOCK_DGRAM, kGarbage), allow);
  EXPECT_EQ(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), allow);
  EXPECT_EQ(socket(AF_INET, SOCK_RAW, 1).action, Action::error);
  EXPECT_EQ(socket(AF_INET, SOCK_STREAM, 132).action, Action::error);
  EXPECT_EQ(socket(AF_INET, SOCK_DCCP, 33).action, Action::error);
  EXPECT_EQ(socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER).action, Action::error);
  EXPECT_EQ(socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT), (Verdict{Action::error, EPROTONOSUPPORT}));
  for (const std::uint64_t family : {AF_PACKET, AF_ALG, AF_VSOCK}) {
    EXPECT_EQ(socket(family | kGarbage, SOCK_RAW, 0), (Verdict{Action::error, EAFNOSUPPORT}));
  }
  EXPECT_FALSE(allowed(SYS_socketpair, {AF_INET}));
}

TEST_F(ShippedList, NoTypingIntoTheTerminalHoweverTheRequestIsSpelled) {
  for (const std::uint64_t request : {0x5412ULL, 0x541cULL}) {
    EXPECT_FALSE(allowed(SYS_ioctl, {0, request}));
    EXPECT_FALSE(allowed(SYS_ioctl, {0, request | kGarbage}));  // CVE-2019-10063
  }
  EXPECT_TRUE(allowed(SYS_ioctl, {0, TCGETS}));
  EXPECT_TRUE(allowed(SYS_ioctl, {0, TIOCGWINSZ | kGarbage}));
}

TEST_F(ShippedList, PrctlOptions) {
  EXPECT_TRUE(allowed(SYS_prctl, {PR_SET_NAME}));
  EXPECT_TRUE(allowed(SYS_prctl, {PR_SET_NO_NEW_PRIVS, 1}));
  for (const std::uint64_t option :
       {PR_SET_MM, PR_SET_SECCOMP, PR_SET_SECUREBITS, PR_CAPBSET_DROP, PR_TASK_PERF_EVENTS_DISABLE}) {
    EXPECT_FALSE(allowed(SYS_prctl, {option})) << option;
  }
}

TEST_F(ShippedList, KernelCodeLoadersAreKilled) {
  for (const std::uint32_t nr : {SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module}) {
    EXPECT_EQ(verdict(nr).action, Action::kill_process);
  }
}

TEST_F(ShippedList, FallbackErrnos) {
  EXPECT_EQ(verdict(SYS_listxattr), (Verdict{Action::error, EOPNOTSUPP}));
  EXPECT_EQ(verdict(SYS_fallocate), (Verdict{Action::error, EOPNOTSUPP}));
  EXPECT_EQ(verdict(SYS_splice), (Verdict{Action::error, EINVAL}));
}

}  // namespace
}  // namespace nucleus::hardening
