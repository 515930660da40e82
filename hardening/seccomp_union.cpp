#include "hardening/seccomp_union.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hardening/seccomp_allowed.hpp"
#include "hardening/seccomp_table.hpp"

namespace nucleus::hardening {
namespace {

using Calls = std::map<std::string, std::vector<ArgSets>>;
using Texts = std::vector<std::string>;

std::vector<ArgSets> without(std::vector<ArgSets> pieces, const std::vector<ArgSets>& others) {
  for (const ArgSets& other : others) {
    std::vector<ArgSets> rest;
    for (const ArgSets& piece : pieces) {
      const auto parts = subtract(piece, other);
      rest.insert(rest.end(), parts.begin(), parts.end());
    }
    pieces = std::move(rest);
  }
  return pieces;
}

// The pieces of `some` that `others` do not wholly cover, as they are written.
Texts not_covered(const std::vector<ArgSets>& some, const std::vector<ArgSets>& others) {
  Texts out;
  for (const ArgSets& piece : some) {
    if (!without({piece}, others).empty()) {
      out.push_back(describe(piece));
    }
  }
  return out;
}

void compare_calls(const Calls& before, const Calls& after, ProfileDiff& out) {
  for (const auto& [name, pieces] : before) {
    const auto other = after.find(name);
    if (other == after.end()) {
      out.removed.push_back(name);
      continue;
    }
    auto removed = not_covered(pieces, other->second);
    auto added = not_covered(other->second, pieces);
    if (!removed.empty() || !added.empty()) {
      out.changed[name] = {std::move(removed), std::move(added)};
    }
  }
  for (const auto& [name, pieces] : after) {
    if (!before.contains(name)) {
      out.added.push_back(name);
    }
  }
}

// Call and conditions -> how it is denied.
std::map<std::string, std::string> denials(const SyscallTable& table) {
  std::map<std::string, std::string> out;
  for (const auto& [nr, rules] : table.rules) {
    for (const SyscallRule& rule : rules) {
      if (rule.verdict.action <= Action::error) {
        out.try_emplace(table.names.at(nr) + (unconditional(rule.conditions) ? "" : ": " + describe(rule.conditions)),
                        to_string(rule.verdict));
      }
    }
  }
  return out;
}

Result<Texts> compare_denials(const oci::Seccomp& before, const oci::Seccomp& after) {
  TRY_ASSIGN(const SyscallTable old_table, make_table(before));
  TRY_ASSIGN(const SyscallTable new_table, make_table(after));
  const std::string old_default = to_string(old_table.fallback);
  const std::string new_default = to_string(new_table.fallback);
  Texts out;
  if (old_default != new_default) {
    out.push_back("default: " + old_default + " -> " + new_default);
  }
  const auto olds = denials(old_table);
  const auto news = denials(new_table);
  for (const auto& [what, verdict] : olds) {
    const auto other = news.find(what);
    const std::string now = other == news.end() ? "not by name" : other->second;
    if (now != verdict) {
      out.push_back(std::string(what).append(": ").append(verdict).append(" -> ").append(now));
    }
  }
  for (const auto& [what, verdict] : news) {
    if (!olds.contains(what)) {
      out.push_back(std::string(what).append(": not by name -> ").append(verdict));
    }
  }
  return out;
}

}  // namespace

Result<Union> unite(std::span<const oci::Seccomp> profiles) {
  if (profiles.empty()) {
    return fail(ErrorCode::usage, "no profile to merge");
  }
  Union out;
  Calls calls;
  for (const oci::Seccomp& profile : profiles) {
    TRY_ASSIGN(auto allowed, allowed_calls(profile));
    out.notes.insert(out.notes.end(), allowed.notes.begin(), allowed.notes.end());
    for (auto& [name, pieces] : allowed.calls) {
      auto& all = calls[name];
      all.insert(all.end(), pieces.begin(), pieces.end());
    }
  }
  for (auto& [name, pieces] : calls) {
    tidy(pieces);
  }
  out.profile.default_action = profiles.front().default_action;
  out.profile.default_errno_ret = profiles.front().default_errno_ret;
  out.profile.architectures = {"SCMP_ARCH_X86_64"};
  TRY_ASSIGN(out.profile.syscalls, denials_beside(profiles.front(), calls));
  const auto allow = allow_entries(calls);
  out.profile.syscalls.insert(out.profile.syscalls.end(), allow.begin(), allow.end());
  return out;
}

Result<ProfileDiff> diff(const oci::Seccomp& before, const oci::Seccomp& after) {
  ProfileDiff out;
  TRY_ASSIGN(const AllowedCalls old_calls, allowed_calls(before));
  TRY_ASSIGN(const AllowedCalls new_calls, allowed_calls(after));
  compare_calls(old_calls.calls, new_calls.calls, out);
  TRY_ASSIGN(out.denials, compare_denials(before, after));
  return out;
}

std::string to_text(const ProfileDiff& difference) {
  std::string out;
  const auto line = [&](const char* sign, const std::string& text) { out += sign + text + "\n"; };
  for (const auto& name : difference.removed) {
    line("- ", name);
  }
  for (const auto& name : difference.added) {
    line("+ ", name);
  }
  for (const auto& [name, both] : difference.changed) {
    for (const auto& text : both.first) {
      line("- ", std::string(name).append(": ").append(text));
    }
    for (const auto& text : both.second) {
      line("+ ", std::string(name).append(": ").append(text));
    }
  }
  for (const auto& text : difference.denials) {
    line("~ ", text);
  }
  return out;
}

std::string to_json(const ProfileDiff& difference) {
  nlohmann::json changed = nlohmann::json::object();
  for (const auto& [name, both] : difference.changed) {
    changed[name] = {{"removed", both.first}, {"added", both.second}};
  }
  const nlohmann::json document = {{"added", difference.added},
                                   {"removed", difference.removed},
                                   {"changed", std::move(changed)},
                                   {"denials", difference.denials}};
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace nucleus::hardening
