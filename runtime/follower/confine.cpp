#include "runtime/follower/confine.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "hardening/seccomp_compile.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/landlock_rights.hpp"
#include "runtime/sys/credentials.hpp"
#include "runtime/sys/landlock.hpp"
#include "runtime/sys/limits.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/sys/seccomp.hpp"

namespace nucleus::follower {
namespace {

constexpr const char* kProcessName = "nucleus-dns";
constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint64_t kOpenFiles = 128;  // 8 clients, 4 listeners, and c-ares's two for each resolver

oci::SeccompArg equals(std::uint32_t index, std::uint64_t value) {
  oci::SeccompArg arg;
  arg.index = index;
  arg.op = "SCMP_CMP_EQ";
  arg.value = value;
  return arg;
}

oci::SeccompArg masked(std::uint32_t index, std::uint64_t mask, std::uint64_t value) {
  oci::SeccompArg arg;
  arg.index = index;
  arg.op = "SCMP_CMP_MASKED_EQ";
  arg.value = mask;
  arg.value_two = value;
  return arg;
}

oci::SeccompRule rule(const char* action, std::vector<std::string> names, std::vector<oci::SeccompArg> args = {}) {
  oci::SeccompRule result;
  result.names = std::move(names);
  result.action = action;
  result.args = std::move(args);
  return result;
}

constexpr const char* kAllow = "SCMP_ACT_ALLOW";
constexpr const char* kKill = "SCMP_ACT_KILL_PROCESS";

void allow_sockets(std::vector<oci::SeccompRule>& rules) {
  constexpr std::uint64_t kTypeMask = 0xf;  // beside it SOCK_CLOEXEC and SOCK_NONBLOCK
  for (const int family : {AF_INET, AF_INET6}) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      rules.push_back(rule(
          kAllow, {"socket"},
          {equals(0, static_cast<std::uint64_t>(family)), masked(1, kTypeMask, static_cast<std::uint64_t>(type))}));
    }
  }
  for (const auto& [level, option] : {std::pair{SOL_SOCKET, SO_MARK},
                                      {SOL_SOCKET, SO_SNDBUF},
                                      {SOL_SOCKET, SO_SNDBUFFORCE},
                                      {IPPROTO_TCP, TCP_NODELAY}}) {
    rules.push_back(
        rule(kAllow, {"setsockopt"},
             {equals(1, static_cast<std::uint64_t>(level)), equals(2, static_cast<std::uint64_t>(option))}));
  }
  rules.push_back(rule(kAllow, {"accept4", "connect", "getpeername", "getsockname", "getsockopt", "recvfrom", "recvmsg",
                                "sendmsg", "sendto", "shutdown"}));
}

Status set_limits() {
  TRY(sys::set_rlimit(0, RLIMIT_CORE, {0, 0}));
  TRY_ASSIGN(RlimitFact files, sys::get_rlimit(0, RLIMIT_NOFILE));
  files.hard = std::min<std::uint64_t>(files.hard, kOpenFiles);
  files.soft = files.hard;
  return sys::set_rlimit(0, RLIMIT_NOFILE, files);
}

Status null_stdio() {
  TRY_ASSIGN(const UniqueFd null, open_at(AT_FDCWD, "/dev/null", O_RDWR));
  for (const int fd : {0, 1, 2}) {
    if (::dup2(null.get(), fd) < 0) {
      return fail_errno("stdio");
    }
  }
  return {};
}

Status close_others(std::span<const int> keep) {
  std::vector<int> kept(keep.begin(), keep.end());
  std::sort(kept.begin(), kept.end());
  unsigned next = 3;
  for (const int fd : kept) {
    if (fd < static_cast<int>(next)) {
      return fail(ErrorCode::internal, "a descriptor given twice or in the place of stdio");
    }
    if (static_cast<unsigned>(fd) > next && ::close_range(next, static_cast<unsigned>(fd) - 1, 0) != 0) {
      return fail_errno("close_range");
    }
    next = static_cast<unsigned>(fd) + 1;
  }
  return sys::close_from(next);
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    ::signal(signal, signal == SIGPIPE ? SIG_IGN : SIG_DFL);  // EINVAL for those that cannot be set
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Status restrict_files_and_ports() {
  const int abi = sys::landlock_abi();
  if (abi == 0) {
    return {};  // the filter has no call that opens anything
  }
  TRY_ASSIGN(const auto landlock, sys::Landlock::create(landlock::all_fs_rights(abi), landlock::all_net_rights(abi),
                                                        landlock::all_scopes(abi)));
  if (landlock::all_net_rights(abi) != 0) {
    TRY(landlock.allow_port(kDnsPort, landlock::kNetConnectTcp));
  }
  return landlock.restrict_self();
}

}  // namespace

oci::Seccomp follower_seccomp() {
  oci::Seccomp profile;
  profile.default_action = "SCMP_ACT_ERRNO";
  profile.default_errno_ret = ENOSYS;
  profile.architectures = {"SCMP_ARCH_X86_64"};
  auto& rules = profile.syscalls;
  rules.push_back(
      rule(kAllow, {"brk",          "clock_gettime", "close",           "exit",           "exit_group",   "fcntl",
                    "fstat",        "ftruncate",     "futex",           "getpid",         "getrandom",    "gettid",
                    "gettimeofday", "madvise",       "mremap",          "munmap",         "poll",         "ppoll",
                    "read",         "readv",         "restart_syscall", "rt_sigprocmask", "rt_sigreturn", "write",
                    "writev"}));
  rules.push_back(rule(kAllow, {"mmap", "mprotect"}, {masked(2, PROT_EXEC, 0)}));
  allow_sockets(rules);
  rules.push_back(rule(kKill, {"bpf", "clone", "clone3", "execve", "execveat", "fork", "io_uring_setup", "keyctl",
                               "mount", "pidfd_getfd", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace",
                               "setns", "unshare", "userfaultfd", "vfork"}));
  return profile;
}

Status detach(std::span<const int> keep) {
  reset_signals();
  TRY(null_stdio());
  TRY(close_others(keep));
  if (::setsid() < 0 && errno != EPERM) {  // EPERM: leads one already
    return fail_errno("setsid");
  }
  if (::chdir("/") != 0) {
    return fail_errno("working directory");
  }
  ::umask(077);
  if (::prctl(PR_SET_NAME, kProcessName, 0, 0, 0) != 0) {
    return fail_errno("process name");
  }
  return set_limits();
}

Status confine() {
  const CapabilityMask kept = capability_bit("CAP_NET_ADMIN");
  TRY(sys::drop_bounding_set(0));
  TRY(sys::set_capabilities({kept, kept, 0, 0}));
  TRY(sys::set_dumpable(false));
  TRY(sys::set_no_new_privileges());
  TRY(restrict_files_and_ports());
  TRY_ASSIGN(const auto filter, hardening::compile_native(follower_seccomp()));
  TRY_ASSIGN(const auto listener, sys::install_seccomp(filter.code, filter.flags));
  return {};
}

}  // namespace nucleus::follower
