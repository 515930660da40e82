#include "runtime/watcher/confine.hpp"

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "hardening/seccomp_compile.hpp"
#include "runtime/base/landlock_rights.hpp"
#include "runtime/sys/credentials.hpp"
#include "runtime/sys/landlock.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/sys/seccomp.hpp"

namespace nucleus::watcher {
namespace {

constexpr const char* kAllow = "SCMP_ACT_ALLOW";
constexpr const char* kKill = "SCMP_ACT_KILL_PROCESS";
constexpr std::uint64_t kWord = 0xffffffff;

oci::SeccompRule rule(const char* action, std::vector<std::string> names) {
  oci::SeccompRule result;
  result.names = std::move(names);
  result.action = action;
  return result;
}

oci::SeccompRule masked(std::vector<std::string> names, std::uint32_t index, std::uint64_t mask, std::uint64_t value) {
  oci::SeccompRule result = rule(kAllow, std::move(names));
  oci::SeccompArg arg;
  arg.index = index;
  arg.op = "SCMP_CMP_MASKED_EQ";
  arg.value = mask;
  arg.value_two = value;
  result.args.push_back(std::move(arg));
  return result;
}

Status restrict_files(int proc) {
  const int abi = sys::landlock_abi();
  if (abi == 0) {
    return {};
  }
  TRY_ASSIGN(const auto landlock, sys::Landlock::create(landlock::all_fs_rights(abi), landlock::all_net_rights(abi),
                                                        landlock::all_scopes(abi)));
  TRY(landlock.allow_path(proc, landlock::kReadFile));
  return landlock.restrict_self();
}

}  // namespace

oci::Seccomp watcher_seccomp() {
  oci::Seccomp profile;
  profile.default_action = "SCMP_ACT_ERRNO";
  profile.default_errno_ret = ENOSYS;
  profile.architectures = {"SCMP_ARCH_X86_64"};
  auto& rules = profile.syscalls;
  rules.push_back(rule(kAllow, {"brk",
                                "clock_gettime",
                                "close",
                                "exit",
                                "exit_group",
                                "fstat",
                                "ftruncate",
                                "futex",
                                "getpid",
                                "gettid",
                                "madvise",
                                "mremap",
                                "munmap",
                                "newfstatat",
                                "openat",
                                "pidfd_send_signal",
                                "poll",
                                "ppoll",
                                "pwrite64",
                                "read",
                                "restart_syscall",
                                "rt_sigprocmask",
                                "rt_sigreturn",
                                "wait4",
                                "write"}));
  rules.push_back(masked({"mmap", "mprotect"}, 2, PROT_EXEC, 0));
  for (const std::uint64_t request : {SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND}) {
    rules.push_back(masked({"ioctl"}, 1, kWord, request));
  }
  rules.push_back(rule(kKill, {"bpf", "clone", "clone3", "execve", "execveat", "fork", "io_uring_setup", "keyctl",
                               "mount", "pidfd_getfd", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace",
                               "setns", "socket", "unshare", "userfaultfd", "vfork"}));
  return profile;
}

Status confine(int proc) {
  TRY(sys::drop_bounding_set(0));
  TRY(sys::set_capabilities({0, 0, 0, 0}));
  TRY(sys::set_dumpable(false));
  TRY(sys::set_no_new_privileges());
  TRY(restrict_files(proc));
  TRY_ASSIGN(const auto filter, hardening::compile_native(watcher_seccomp()));
  TRY_ASSIGN(const auto listener, sys::install_seccomp(filter.code, filter.flags));
  return {};
}

}  // namespace nucleus::watcher
