#include "hardening/seccomp_table.hpp"

#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "hardening/seccomp_names.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::array<std::uint32_t, 8> kKernelActions = {
    SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
    SECCOMP_RET_USER_NOTIF,   SECCOMP_RET_TRACE,       SECCOMP_RET_LOG,  SECCOMP_RET_ALLOW};

// What one entry of `syscalls` says about each of its names.
struct EntryRules {
  bool unconditional = false;
  std::vector<SyscallRule> rules;
};

// runc, libcontainer/seccomp matchCall: if an argument occurs twice, every condition becomes a rule.
Result<EntryRules> entry_rules(const oci::SeccompRule& entry, Verdict verdict) {
  EntryRules result;
  result.unconditional = entry.args.empty();
  std::array<int, kSyscallArgs> uses{};
  SyscallRule conjunction{{}, verdict};
  for (const oci::SeccompArg& arg : entry.args) {
    TRY_ASSIGN(const Condition condition, parse_condition(arg));
    ++uses[arg.index];
    SyscallRule alone{{}, verdict};
    alone.conditions[arg.index] = ArgSet(condition);
    conjunction.conditions[arg.index] = ArgSet(condition);
    result.rules.push_back(std::move(alone));
  }
  if (std::all_of(uses.begin(), uses.end(), [](int count) { return count < 2; })) {
    result.rules = {std::move(conjunction)};
  }
  std::erase_if(result.rules, [](const SyscallRule& rule) { return empty(rule.conditions); });
  return result;
}

class TableBuilder {
 public:
  explicit TableBuilder(Verdict fallback) { table_.fallback = fallback; }

  Status add(const oci::SeccompRule& entry) {
    TRY_ASSIGN(const Verdict verdict, parse_verdict(entry.action, entry.errno_ret));
    TRY_ASSIGN(const EntryRules rules, entry_rules(entry, verdict));
    for (const std::string& name : entry.names) {
      const auto nr = syscall_number(name);
      if (nr && verdict != table_.fallback) {
        add(*nr, rules);
        table_.names.try_emplace(*nr, name);
      } else if (!nr && !syscall_known(name)) {
        unknown_.insert(name);
      }
    }
    return {};
  }

  SyscallTable finish() && {
    for (auto& [nr, rules] : table_.rules) {
      std::stable_sort(rules.begin(), rules.end(),
                       [](const SyscallRule& a, const SyscallRule& b) { return a.verdict < b.verdict; });
    }
    table_.unknown_names.assign(unknown_.begin(), unknown_.end());
    return std::move(table_);
  }

 private:
  void add(int nr, const EntryRules& entry) {
    if (decided_.contains(nr)) {
      return;
    }
    std::vector<SyscallRule>& rules = table_.rules[nr];
    if (entry.unconditional) {
      decided_.insert(nr);
      rules.clear();
    }
    rules.insert(rules.end(), entry.rules.begin(), entry.rules.end());
  }

  SyscallTable table_;
  std::set<int> decided_;  // calls with an unconditional rule
  std::set<std::string> unknown_;
};

}  // namespace

Verdict more_restrictive(Verdict ours, Verdict theirs) { return theirs.action < ours.action ? theirs : ours; }

std::uint32_t to_kernel(Verdict verdict) {
  return kKernelActions[static_cast<std::size_t>(verdict.action)] | verdict.data;
}

Verdict from_kernel(std::uint32_t value) {
  const auto* action = std::find(kKernelActions.begin(), kKernelActions.end(), value & SECCOMP_RET_ACTION_FULL);
  if (action == kKernelActions.end()) {
    return {Action::kill_process, 0};
  }
  return {static_cast<Action>(action - kKernelActions.begin()), static_cast<std::uint16_t>(value & SECCOMP_RET_DATA)};
}

Verdict SyscallTable::decide(int nr, SyscallArgs args) const {
  const auto entry = rules.find(nr);
  if (entry == rules.end()) {
    return fallback;
  }
  for (const SyscallRule& rule : entry->second) {
    std::size_t index = 0;
    if (std::all_of(rule.conditions.begin(), rule.conditions.end(),
                    [&](const ArgSet& set) { return set.contains(args[index++]); })) {
      return rule.verdict;
    }
  }
  return fallback;
}

Result<SyscallTable> make_table(const oci::Seccomp& profile) {
  auto fallback = parse_verdict(profile.default_action, profile.default_errno_ret);
  if (!fallback) {
    return tl::unexpected<Error>(std::move(fallback).error().with("seccomp.defaultAction"));
  }
  TableBuilder builder(*fallback);
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    TRY_WITH(builder.add(profile.syscalls[i]), "seccomp.syscalls[" + std::to_string(i) + "]");
  }
  return std::move(builder).finish();
}

}  // namespace nucleus::hardening
