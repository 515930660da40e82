// System calls that have let processes out of containers, and those whose arguments have to be looked at.
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "hardening/policy_lint.hpp"
#include "hardening/seccomp_table.hpp"

namespace nucleus::hardening {
namespace {

// Each has been the way of a kernel exploit or an escape, or changes what confines a container.
constexpr auto kDangerous = std::to_array<std::string_view>({"acct",
                                                             "add_key",
                                                             "bpf",
                                                             "clock_adjtime",
                                                             "clock_settime",
                                                             "clone3",
                                                             "create_module",
                                                             "delete_module",
                                                             "fanotify_init",
                                                             "finit_module",
                                                             "fsconfig",
                                                             "fsmount",
                                                             "fsopen",
                                                             "fspick",
                                                             "init_module",
                                                             "io_uring_enter",
                                                             "io_uring_register",
                                                             "io_uring_setup",
                                                             "ioperm",
                                                             "iopl",
                                                             "kcmp",
                                                             "kexec_file_load",
                                                             "kexec_load",
                                                             "keyctl",
                                                             "lookup_dcookie",
                                                             "mbind",
                                                             "modify_ldt",
                                                             "mount",
                                                             "mount_setattr",
                                                             "move_mount",
                                                             "move_pages",
                                                             "name_to_handle_at",
                                                             "nfsservctl",
                                                             "open_by_handle_at",
                                                             "open_tree",
                                                             "perf_event_open",
                                                             "pidfd_getfd",
                                                             "pivot_root",
                                                             "process_vm_readv",
                                                             "process_vm_writev",
                                                             "ptrace",
                                                             "quotactl",
                                                             "reboot",
                                                             "request_key",
                                                             "set_mempolicy",
                                                             "setdomainname",
                                                             "sethostname",
                                                             "setns",
                                                             "settimeofday",
                                                             "swapoff",
                                                             "swapon",
                                                             "syslog",
                                                             "umount2",
                                                             "unshare",
                                                             "uselib",
                                                             "userfaultfd",
                                                             "vhangup",
                                                             "vmsplice"});

// Allowed with these arguments, a call is as good as unfiltered.
struct Probe {
  std::string_view call;
  std::array<std::uint64_t, kSyscallArgs> args;
  std::string_view opens;
};
constexpr std::uint64_t kNewUser = 0x10000000;
constexpr std::uint64_t kTiocsti = 0x5412;
constexpr std::uint64_t kTioclinux = 0x541C;
constexpr std::uint64_t kReadImpliesExec = 0x0400000;
constexpr std::uint64_t kSetMm = 35;      // PR_SET_MM
constexpr std::uint64_t kNetfilter = 12;  // NETLINK_NETFILTER
constexpr std::array kProbes = {
    Probe{"clone", {kNewUser}, "new user namespaces, which give the rest of the kernel to everybody"},
    Probe{"ioctl", {0, kTiocsti}, "TIOCSTI, which types into the terminal outside"},
    Probe{"ioctl", {0, kTioclinux}, "TIOCLINUX, which pastes into the console"},
    Probe{"personality", {kReadImpliesExec}, "READ_IMPLIES_EXEC, which makes data executable"},
    Probe{"prctl", {kSetMm}, "PR_SET_MM, which moves the parts of a process about"},
    Probe{"socket", {AF_PACKET, SOCK_RAW}, "packet sockets, which pass egress rules by"},
    Probe{"socket", {AF_ALG, SOCK_SEQPACKET}, "the kernel's cryptography (AF_ALG)"},
    Probe{"socket", {AF_VSOCK, SOCK_STREAM}, "sockets to the hypervisor, which no egress rule sees"},
    Probe{"socket", {AF_NETLINK, SOCK_RAW, kNetfilter}, "netfilter's netlink, a frequent way into the kernel"},
};

bool lets_through(Verdict verdict) { return verdict.action >= Action::notify; }

// A name stands in quotes at one place or more; the first is shown.
std::string place_of(const PolicySource& source, const Policy& policy, std::string_view name) {
  const std::string& text = source.input.bytes.back();
  const std::size_t at = text.find("\"" + std::string(name) + "\"");
  const std::string owner = "policy " + policy.name + " (seccomp.json";
  if (at == std::string::npos) {
    return owner + ")";
  }
  return owner + ":" +
         std::to_string(1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')) + ")";
}

// Whether some arguments exist with which the call is let through.
bool ever_allowed(const SyscallTable& table, const std::string& name) {
  const auto number = syscall_number(name);
  if (!number) {
    return false;
  }
  const auto rules = table.rules.find(*number);
  if (rules == table.rules.end()) {
    return lets_through(table.fallback);
  }
  return std::ranges::any_of(rules->second, [](const SyscallRule& rule) { return lets_through(rule.verdict); });
}

void lint_probes(const PolicySource& source, const Policy& policy, const SyscallTable& table,
                 std::vector<LintFinding>& out) {
  for (const Probe& probe : kProbes) {
    const auto number = syscall_number(std::string(probe.call));
    if (number && lets_through(table.decide(*number, probe.args))) {
      out.push_back({LintLevel::warning, "open-arguments", place_of(source, policy, probe.call),
                     std::string(probe.call) + " is let through with any argument or too many: it opens " +
                         std::string(probe.opens)});
    }
  }
}

struct Need {
  std::string_view capability;
  std::array<std::string_view, 5> calls;  // any of them uses it; "" ends
};
// capabilities(7), as far as a capability is of no use without a certain system call.
constexpr std::array kNeeds = {
    Need{"CAP_CHOWN", {"chown", "fchown", "lchown", "fchownat"}},
    Need{"CAP_FSETID", {"chmod", "fchmod", "fchmodat", "fchmodat2", "write"}},
    Need{"CAP_IPC_LOCK", {"mlock", "mlock2", "mlockall", "shmctl", "mmap"}},
    Need{"CAP_KILL", {"kill", "tkill", "tgkill", "rt_sigqueueinfo", "pidfd_send_signal"}},
    Need{"CAP_MKNOD", {"mknod", "mknodat"}},
    Need{"CAP_SETFCAP", {"setxattr", "fsetxattr", "lsetxattr", "setxattrat"}},
    Need{"CAP_SETGID", {"setgid", "setresgid", "setregid", "setgroups", "setfsgid"}},
    Need{"CAP_SETPCAP", {"capset", "prctl"}},
    Need{"CAP_SETUID", {"setuid", "setresuid", "setreuid", "setfsuid"}},
    Need{"CAP_SYS_CHROOT", {"chroot", "setns"}},
    Need{"CAP_SYS_NICE", {"setpriority", "sched_setscheduler", "sched_setattr", "sched_setaffinity", "ioprio_set"}},
    Need{"CAP_SYS_PTRACE", {"ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"}},
    Need{"CAP_SYS_TIME", {"settimeofday", "clock_settime", "adjtimex", "clock_adjtime"}},
};

void lint_needs(const Policy& policy, const SyscallTable& table, std::vector<LintFinding>& out) {
  for (const Need& need : kNeeds) {
    const std::string name(need.capability);
    if (std::ranges::count(policy.keep_bounding, name) == 0) {
      continue;
    }
    const bool usable = std::ranges::any_of(
        need.calls, [&](std::string_view call) { return !call.empty() && ever_allowed(table, std::string(call)); });
    if (!usable) {
      out.push_back({LintLevel::warning, "useless-capability", policy.places.at("bounding " + name),
                     name + " is kept, but seccomp.json allows no system call that uses it"});
    }
  }
}

}  // namespace

void lint_seccomp(const PolicySource& source, const Policy& policy, std::vector<LintFinding>& out) {
  const auto made = make_table(policy.seccomp);
  if (!made) {
    return;  // decode_policy() refuses such a profile
  }
  const SyscallTable& table = *made;
  lint_needs(policy, table, out);
  if (lets_through(table.fallback)) {
    out.push_back({LintLevel::warning, "default-allow", place_of(source, policy, "defaultAction"),
                   "what is not listed is allowed: new system calls of the kernel are open by themselves"});
  }
  for (const auto name : kDangerous) {
    if (ever_allowed(table, std::string(name)) && !lets_through(table.fallback)) {
      out.push_back({LintLevel::warning, "dangerous-call", place_of(source, policy, name),
                     std::string(name) + " is allowed; it belongs to the calls that kernel exploits and escapes use"});
    }
  }
  lint_probes(source, policy, table, out);
}

}  // namespace nucleus::hardening
