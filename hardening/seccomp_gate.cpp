#include "hardening/seccomp_gate.hpp"

#include <asm/ioctls.h>
#include <asm/unistd_64.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>

namespace nucleus::hardening {
namespace {

using Code = std::vector<sock_filter>;

constexpr std::uint32_t kMountSetattr = 442;  // not in every host's headers, as those below
constexpr std::uint32_t kQuotactlFd = 443;
constexpr std::uint32_t kMemfdSecret = 447;
constexpr std::uint32_t kLsmSetSelfAttr = 460;
constexpr std::uint32_t kOpenTreeAttr = 467;
constexpr std::uint32_t kUnknown = 468;  // what later kernels have, and the x32 ABI's

constexpr std::array<std::uint32_t, 75> kFloorCalls = {
    // processes in other namespaces, and other processes' insides
    __NR_clone, __NR_clone3, __NR_unshare, __NR_setns, __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev,
    __NR_process_madvise, __NR_kcmp, __NR_pidfd_getfd, __NR_perf_event_open, __NR_personality, __NR_seccomp,
    kLsmSetSelfAttr,
    // file systems and what reaches around paths
    __NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot, __NR_open_tree, __NR_move_mount, __NR_fsopen, __NR_fsconfig,
    __NR_fsmount, __NR_fspick, kMountSetattr, kOpenTreeAttr, __NR_open_by_handle_at, __NR_name_to_handle_at,
    __NR_fanotify_init, __NR_mknod, __NR_mknodat, __NR_swapon, __NR_swapoff, __NR_quotactl, kQuotactlFd, __NR_acct,
    // code in the kernel, and what exploits of it are made of
    __NR_init_module, __NR_finit_module, __NR_delete_module, __NR_create_module, __NR_query_module,
    __NR_get_kernel_syms, __NR_kexec_load, __NR_kexec_file_load, __NR_bpf, __NR_keyctl, __NR_add_key, __NR_request_key,
    __NR_userfaultfd, __NR_io_uring_setup, __NR_io_uring_enter, __NR_io_uring_register, __NR_splice, __NR_vmsplice,
    __NR_tee, __NR_memfd_create, kMemfdSecret, __NR_modify_ldt, __NR_uselib, __NR_remap_file_pages, __NR_migrate_pages,
    __NR_move_pages,
    // the machine
    __NR_iopl, __NR_ioperm, __NR_reboot, __NR_syslog, __NR_settimeofday, __NR_clock_settime, __NR_adjtimex,
    __NR_clock_adjtime, __NR_sethostname, __NR_setdomainname, __NR_vhangup, __NR_lookup_dcookie, __NR_nfsservctl};

constexpr std::array<std::uint32_t, 4> kFloorRequests = {TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS};
constexpr std::array<std::uint32_t, 4> kOpenFamilies = {AF_UNIX, AF_INET, AF_INET6,
                                                        AF_NETLINK};  // the floor has the rest

sock_filter give(std::uint32_t value) { return {BPF_RET | BPF_K, 0, 0, value}; }
sock_filter load(std::size_t offset) { return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)}; }
constexpr std::size_t argument(std::size_t index) {
  return offsetof(seccomp_data, args) + index * sizeof(std::uint64_t);
}

// A comparison whose way to the end of the block is filled in when the block is complete.
sock_filter to_end(std::uint16_t comparison, std::uint32_t value) {
  return {static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K), 0xff, 0, value};
}

// "Is it one of the floor's? Then `hard`, else `soft`", for one errno of the profile.
Code decision(std::uint32_t hard, std::uint32_t soft) {
  Code out = {load(offsetof(seccomp_data, nr)), to_end(BPF_JGE, kUnknown)};
  for (const std::uint32_t nr : kFloorCalls) {
    out.push_back(to_end(BPF_JEQ, nr));
  }
  constexpr auto kRequests = static_cast<std::uint8_t>(kFloorRequests.size() + 2);
  out.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, kRequests, __NR_ioctl});
  out.push_back(load(argument(1)));
  for (const std::uint32_t request : kFloorRequests) {
    out.push_back(to_end(BPF_JEQ, request));
  }
  out.push_back(give(soft));
  out.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, __NR_socket});
  out.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, kOpenFamilies.size() + 2, __NR_socketpair});
  out.push_back(load(argument(0)));
  for (std::size_t i = 0; i < kOpenFamilies.size(); ++i) {
    const auto skip = static_cast<std::uint8_t>(kOpenFamilies.size() - i);  // to the verdict below, past the hard one
    out.push_back({BPF_JMP | BPF_JEQ | BPF_K, skip, 0, kOpenFamilies[i]});
  }
  out.push_back(give(hard));
  out.push_back(give(soft));
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].jt == 0xff) {
      out[i].jt = static_cast<std::uint8_t>(out.size() - i - 1);
    }
  }
  out.push_back(give(hard));
  return out;
}
static_assert(kFloorCalls.size() + kFloorRequests.size() + kOpenFamilies.size() + 12 < 0xff);

bool is_error(const sock_filter& insn) {
  return insn.code == (BPF_RET | BPF_K) && (insn.k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
}

}  // namespace

Result<std::vector<sock_filter>> gate(std::span<const sock_filter> code, Gate kind) {
  Code out(code.begin(), code.end());
  const std::uint32_t soft = kind == Gate::notify ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW;
  std::map<std::uint32_t, std::size_t> decisions;  // errno's return value -> where its decision begins
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (BPF_CLASS(code[i].code) == BPF_RET && BPF_RVAL(code[i].code) != BPF_K) {
      return fail(ErrorCode::internal, "seccomp: a filter that this version did not compile");
    }
    if (!is_error(code[i])) {
      continue;
    }
    const auto [place, is_new] = decisions.try_emplace(code[i].k, out.size());
    if (is_new) {
      const Code more = decision(code[i].k, soft);
      out.insert(out.end(), more.begin(), more.end());
    }
    out[i] = {BPF_JMP | BPF_JA, 0, 0, static_cast<std::uint32_t>(place->second - i - 1)};
  }
  if (out.size() > BPF_MAXINSNS) {
    return fail(ErrorCode::invalid_config, "seccomp: the profile has too many different errnos to be watched");
  }
  return out;
}

bool on_floor(int nr, std::span<const std::uint64_t, kSyscallArgs> args) {
  const auto number = static_cast<std::uint32_t>(nr);
  const auto has = [](const auto& list, std::uint64_t value) {
    return std::ranges::find(list, static_cast<std::uint32_t>(value)) != list.end();
  };
  const bool makes_socket = nr == __NR_socket || nr == __NR_socketpair;
  return number >= kUnknown || has(kFloorCalls, number) || (nr == __NR_ioctl && has(kFloorRequests, args[1])) ||
         (makes_socket && !has(kOpenFamilies, args[0]));
}

}  // namespace nucleus::hardening
