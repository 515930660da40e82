#include "hardening/seccomp_intersect.hpp"

#include <linux/seccomp.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "hardening/seccomp_merge.hpp"
#include "hardening/seccomp_names.hpp"
#include "hardening/seccomp_table.hpp"

namespace nucleus::hardening {
namespace {

// Entries by verdict, then conditions; names sort themselves.
using Entries = std::map<std::pair<Verdict, ArgSets>, std::set<std::string>>;

oci::Seccomp allow_everything() {
  oci::Seccomp profile;
  profile.default_action = action_name(Action::allow);
  return profile;
}

std::optional<std::uint32_t> errno_of(Verdict verdict) {
  const bool has_data = verdict.action == Action::error || verdict.action == Action::trace;
  return has_data ? std::optional<std::uint32_t>(verdict.data) : std::nullopt;
}

const std::vector<SyscallRule>& rules_for(const SyscallTable& table, int nr) {
  static const std::vector<SyscallRule> kNone;
  const auto found = table.rules.find(nr);
  return found == table.rules.end() ? kNone : found->second;
}

Entries merge_calls(const SyscallTable& ours, const SyscallTable& theirs, std::vector<std::string>& notes) {
  std::vector<std::pair<int, std::string_view>> calls(ours.names.begin(), ours.names.end());
  calls.insert(calls.end(), theirs.names.begin(), theirs.names.end());
  std::sort(calls.begin(), calls.end());
  calls.erase(std::unique(calls.begin(), calls.end()), calls.end());
  Entries entries;
  for (const auto& [nr, name] : calls) {
    const MergedCall call = merge({rules_for(ours, nr), ours.fallback}, {rules_for(theirs, nr), theirs.fallback});
    for (const SyscallRule& rule : call.rules) {
      entries[{rule.verdict, rule.conditions}].emplace(name);
    }
    if (!call.exact) {
      notes.push_back(std::string(name) +
                      ": both profiles' conditions together cannot be said in one rule; more is denied");
    }
  }
  return entries;
}

bool asks(const std::vector<std::string>& flags, std::string_view flag) {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

std::vector<std::string> merge_flags(const oci::Seccomp& ours, const oci::Seccomp* theirs, bool notifies) {
  const auto either = [&](std::string_view flag) {
    return asks(ours.flags, flag) || (theirs && asks(theirs->flags, flag));
  };
  std::vector<std::string> flags;
  if (either("SECCOMP_FILTER_FLAG_LOG")) {
    flags.emplace_back("SECCOMP_FILTER_FLAG_LOG");
  }
  constexpr std::string_view kSpecAllow = "SECCOMP_FILTER_FLAG_SPEC_ALLOW";
  if (asks(ours.flags, kSpecAllow) && (!theirs || asks(theirs->flags, kSpecAllow))) {
    flags.emplace_back(kSpecAllow);
  }
  if (notifies && either("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")) {
    flags.emplace_back("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
  }
  return flags;
}

void add_listener(oci::Seccomp& profile, const oci::Seccomp& ours, const oci::Seccomp* theirs) {
  const oci::Seccomp& source = ours.listener_path.empty() && theirs != nullptr ? *theirs : ours;
  profile.listener_path = source.listener_path;
  profile.listener_metadata = source.listener_metadata;
}

}  // namespace

Result<Intersection> intersect(const oci::Seccomp& ours, const std::optional<oci::Seccomp>& config) {
  TRY_ASSIGN(const SyscallTable our_table, make_table(ours));
  if (!our_table.unknown_names.empty()) {
    return fail(ErrorCode::invalid_config, "seccomp: unknown system call \"" + our_table.unknown_names.front() + "\"");
  }
  TRY_ASSIGN(SyscallTable their_table, make_table(config ? *config : allow_everything()));
  const oci::Seccomp* theirs = config ? &*config : nullptr;
  TRY(parse_flags(ours.flags));
  TRY(parse_flags(theirs ? theirs->flags : std::vector<std::string>{}));

  Intersection result;
  const Verdict fallback = more_restrictive(our_table.fallback, their_table.fallback);
  result.profile.default_action = action_name(fallback.action);
  result.profile.default_errno_ret = errno_of(fallback);
  result.profile.architectures = {"SCMP_ARCH_X86_64"};
  bool notifies = fallback.action == Action::notify;
  for (const auto& [key, names] : merge_calls(our_table, their_table, result.notes)) {
    const auto& [verdict, conditions] = key;
    oci::SeccompRule entry;
    entry.names.assign(names.begin(), names.end());
    entry.action = action_name(verdict.action);
    entry.errno_ret = errno_of(verdict);
    entry.args = to_oci(conditions);
    notifies |= verdict.action == Action::notify;
    result.profile.syscalls.push_back(std::move(entry));
  }
  result.profile.flags = merge_flags(ours, theirs, notifies);
  if (notifies) {
    add_listener(result.profile, ours, theirs);
  }
  result.unknown_names = std::move(their_table.unknown_names);
  return result;
}

}  // namespace nucleus::hardening
