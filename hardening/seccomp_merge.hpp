// The intersection of what two profiles say about one system call.
#pragma once

#include <vector>

#include "hardening/seccomp_table.hpp"

namespace nucleus::hardening {

// One profile's rules for one call, and its verdict where none of them holds.
struct CallPolicy {
  const std::vector<SyscallRule>& rules;
  Verdict fallback;
};

struct MergedCall {
  // Minimal and sorted. Where several hold the strictest decides, where none does `more_restrictive` of both fallbacks.
  // Each is expressible, none has the fallback's verdict, an unconditional one stands alone: libseccomp and runc read
  // the same meaning out of it.
  std::vector<SyscallRule> rules;
  bool exact = true;  // false: stricter than the intersection, because OCI cannot say it
};

[[nodiscard]] MergedCall merge(const CallPolicy& ours, const CallPolicy& theirs);

}  // namespace nucleus::hardening
