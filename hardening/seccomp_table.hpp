// What a seccomp profile decides, as data: per native system call a list of rules with verdicts.
//
// Sources: config-linux.md "Seccomp", seccomp(2), seccomp_rule_add(3). The model is x86_64's own table; other
// architectures exist only in passthrough (compile_with_libseccomp).
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hardening/seccomp_argset.hpp"
#include "oci/spec_linux.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

// In the kernel's order of precedence, the most restrictive first (seccomp(2) "Return values").
enum class Action : std::uint8_t { kill_process, kill_thread, trap, error, notify, trace, log, allow };

// Ordered: less is more restrictive; among equal actions the order of `data` only makes results deterministic.
struct Verdict {
  Action action = Action::kill_process;
  std::uint16_t data = 0;  // errno for `error`, the tracer's message for `trace`, else 0
  auto operator<=>(const Verdict&) const = default;
};

// The stricter action; `ours` when both have the same (so our errno wins).
[[nodiscard]] Verdict more_restrictive(Verdict ours, Verdict theirs);

// SECCOMP_RET_* with its data, as a filter returns it, and back. An unknown action is kill_process, as in the kernel.
[[nodiscard]] std::uint32_t to_kernel(Verdict verdict);
[[nodiscard]] Verdict from_kernel(std::uint32_t value);

// SCMP_ACT_* and errnoRet. EPERM where an errno is needed and missing; an errno with an action that takes none, or
// beyond the kernel's 4095, is an error (config-linux.md: the runtime MUST fail). SCMP_ACT_KILL is KILL_THREAD.
[[nodiscard]] Result<Verdict> parse_verdict(std::string_view action, const std::optional<std::uint32_t>& errno_ret);
[[nodiscard]] std::string_view action_name(Action action);
// "SCMP_ACT_ERRNO(38)", for notes and tests.
[[nodiscard]] std::string to_string(Verdict verdict);

// One rule: all `conditions` hold -> verdict.
struct SyscallRule {
  ArgSets conditions;
  Verdict verdict;
  auto operator<=>(const SyscallRule&) const = default;
};

using SyscallArgs = std::span<const std::uint64_t, kSyscallArgs>;

struct SyscallTable {
  Verdict fallback;                               // for calls without a rule that holds
  std::map<int, std::vector<SyscallRule>> rules;  // by native number; the first rule that holds decides
  std::map<int, std::string> names;               // of the numbers in `rules`, as the profile spells them
  std::vector<std::string> unknown_names;         // not in libseccomp's tables; sorted

  [[nodiscard]] Verdict decide(int nr, SyscallArgs args) const;
};

// runc's and libseccomp's meaning of a profile, as far as it is defined:
// - a rule with the default's verdict is dropped;
// - an unconditional rule beats the conditional ones of its call wherever it stands; the first unconditional one wins;
// - several conditions on one argument in one rule make each of its conditions a rule of its own (runc);
// - where conditional rules overlap, the most restrictive wins (libseccomp leaves this to its tree; never wider).
// Names without a native number (stat64, socketcall) say nothing here. Errors name the entry: `syscalls[3].action: ...`.
[[nodiscard]] Result<SyscallTable> make_table(const oci::Seccomp& profile);

// libseccomp's x86_64 table; nullopt for a name that has no native number. `known` tells the rest apart.
[[nodiscard]] std::optional<int> syscall_number(const std::string& name);
[[nodiscard]] bool syscall_known(const std::string& name);
[[nodiscard]] std::string syscall_name(int nr);

}  // namespace nucleus::hardening
