#include "hardening/trace_call.hpp"

#include <asm/unistd_64.h>
#include <sys/mman.h>
#include <sys/socket.h>

namespace nucleus::hardening {
namespace {

constexpr std::uint64_t kWord = 0xffffffff;  // what the kernel takes of an int
constexpr std::uint64_t kCloneFlags = 0xffffff00;
constexpr std::uint64_t kSocketType = 0xf;  // beside it SOCK_CLOEXEC and SOCK_NONBLOCK

using Args = std::span<const std::uint64_t, kSyscallArgs>;

void keep(TraceCall& call, Args args, std::uint32_t index, std::uint64_t mask) {
  call.args[call.count++] = {index, mask, args[index] & mask};
}

void keep_socket(TraceCall& call, Args args) {
  keep(call, args, 0, kWord);
  keep(call, args, 1, kSocketType);
  if ((args[0] & kWord) == AF_NETLINK) {
    keep(call, args, 2, kWord);
  }
}

// Three kinds: not executable, executable, both writable and executable.
void keep_protection(TraceCall& call, Args args) {
  const bool executable = (args[2] & PROT_EXEC) != 0;
  keep(call, args, 2, executable ? PROT_EXEC | PROT_WRITE : PROT_EXEC);
}

}  // namespace

TraceCall generalise(int nr, Args args) {
  TraceCall call;
  call.nr = nr;
  switch (nr) {
    case __NR_socket:
    case __NR_socketpair:
      keep_socket(call, args);
      break;
    case __NR_mmap:
    case __NR_mprotect:
    case __NR_pkey_mprotect:
      keep_protection(call, args);
      break;
    case __NR_clone:
      keep(call, args, 0, kCloneFlags);
      break;
    case __NR_ioctl:
    case __NR_setns:
      keep(call, args, 1, kWord);
      break;
    case __NR_prctl:
    case __NR_arch_prctl:
    case __NR_personality:
    case __NR_ptrace:
    case __NR_keyctl:
    case __NR_bpf:
    case __NR_seccomp:
    case __NR_unshare:
      keep(call, args, 0, kWord);
      break;
    default:
      break;
  }
  return call;
}

}  // namespace nucleus::hardening
