// Which of a system call's arguments a trace keeps: those that choose between different doors of the kernel. Pure, and
// free of pointers: what a program's memory holds is never looked at, it could change under the reader.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>

#include "hardening/seccomp_argset.hpp"

namespace nucleus::hardening {

// (argument & mask) == value, as SCMP_CMP_MASKED_EQ says it.
struct TraceArg {
  std::uint32_t index = 0;
  std::uint64_t mask = 0;
  std::uint64_t value = 0;
  auto operator<=>(const TraceArg&) const = default;
};

inline constexpr std::size_t kTraceArgs = 3;

// A call with the arguments that matter. Plain data, so that it can lie in shared memory.
struct TraceCall {
  std::int32_t nr = 0;  // x86_64
  std::uint32_t count = 0;
  std::array<TraceArg, kTraceArgs> args{};  // the first `count`
  bool operator==(const TraceCall&) const = default;
};

// socket and socketpair: family and type, for AF_NETLINK the protocol; ioctl: the request; clone: the flags without the
// exit signal; prctl, arch_prctl, personality, ptrace, keyctl, bpf, seccomp, unshare, setns: what they are asked to do;
// mmap, mprotect, pkey_mprotect: executable or not, and both writable and executable. Other calls have none. clone3 and
// openat2 keep theirs in memory and have none either.
[[nodiscard]] TraceCall generalise(int nr, std::span<const std::uint64_t, kSyscallArgs> args);

}  // namespace nucleus::hardening
