#include "hardening/seccomp_allowed.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>

#include "hardening/json_text.hpp"
#include "hardening/seccomp_names.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::size_t kWidth = 112;

bool allows(Verdict verdict) { return verdict.action == Action::allow || verdict.action == Action::log; }

std::string hex(std::uint64_t value) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%" PRIx64, value);
  return text.data();
}

// Rules are sorted, the strictest first: what an allowing rule leaves to those before it is cut out.
std::vector<ArgSets> allowed_pieces(const std::vector<SyscallRule>& rules, bool& exact) {
  std::vector<ArgSets> out;
  for (const SyscallRule& rule : rules) {
    if (!allows(rule.verdict)) {
      continue;
    }
    std::vector<ArgSets> pieces = {rule.conditions};
    for (const SyscallRule& stricter : rules) {
      if (allows(stricter.verdict)) {
        continue;
      }
      std::vector<ArgSets> rest;
      for (const ArgSets& piece : pieces) {
        const auto parts = subtract(piece, stricter.conditions);
        rest.insert(rest.end(), parts.begin(), parts.end());
      }
      pieces = std::move(rest);
    }
    out.insert(out.end(), pieces.begin(), pieces.end());
  }
  const auto unsayable = std::erase_if(out, [](const ArgSets& piece) { return !expressible(piece); });
  exact = unsayable == 0;
  tidy(out);
  return out;
}

std::string entry_head(const oci::SeccompRule& entry) {
  std::string out = "    {\"action\": " + json_text(entry.action);
  out += entry.errno_ret ? ", \"errnoRet\": " + std::to_string(*entry.errno_ret) : "";
  for (std::size_t i = 0; i < entry.args.size(); ++i) {
    const oci::SeccompArg& arg = entry.args[i];
    out += i == 0 ? ", \"args\": [" : ", ";
    out += "{\"index\": " + std::to_string(arg.index) + ", \"value\": " + std::to_string(arg.value) +
           ", \"valueTwo\": " + std::to_string(arg.value_two) + ", \"op\": " + json_text(arg.op) + "}";
  }
  return out + (entry.args.empty() ? "" : "]") + ", \"names\": [";
}

std::string names_text(const std::vector<std::string>& names, std::size_t room) {
  std::string all;
  for (const auto& name : names) {
    all += (all.empty() ? "" : ", ") + json_text(name);
  }
  if (all.size() < room || names.size() == 1) {
    return all + "]}";
  }
  std::string out;
  std::string line;
  for (const auto& name : names) {
    const std::string text = json_text(name);
    if (!line.empty() && line.size() + text.size() + 8 > kWidth) {
      out += "\n      " + line + ",";
      line.clear();
    }
    line += (line.empty() ? "" : ", ") + text;
  }
  return out + "\n      " + line + "\n    ]}";
}

std::string listener_text(const oci::Seccomp& profile) {
  return (profile.listener_path.empty() ? "" : "  \"listenerPath\": " + json_text(profile.listener_path) + ",\n") +
         (profile.listener_metadata.empty()
              ? ""
              : "  \"listenerMetadata\": " + json_text(profile.listener_metadata) + ",\n");
}

std::string list_text(const std::vector<std::string>& list) {
  std::string out;
  for (const auto& text : list) {
    out += (out.empty() ? "" : ", ") + json_text(text);
  }
  return "[" + out + "]";
}

}  // namespace

void tidy(std::vector<ArgSets>& pieces) {
  std::sort(pieces.begin(), pieces.end());
  pieces.erase(std::unique(pieces.begin(), pieces.end()), pieces.end());
  std::vector<ArgSets> kept;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    bool covered = false;
    for (std::size_t j = 0; j < pieces.size() && !covered; ++j) {
      covered = i != j && subset_of(pieces[i], pieces[j]);
    }
    if (!covered) {
      kept.push_back(pieces[i]);
    }
  }
  pieces = std::move(kept);
}

Result<AllowedCalls> allowed_calls(const oci::Seccomp& profile) {
  TRY_ASSIGN(const SyscallTable table, make_table(profile));
  if (table.fallback.action > Action::error) {
    return fail(ErrorCode::invalid_config,
                "defaultAction: expected one that denies, got " + std::string(action_name(table.fallback.action)));
  }
  AllowedCalls out;
  for (const auto& [nr, rules] : table.rules) {
    bool exact = true;
    auto pieces = allowed_pieces(rules, exact);
    const std::string& name = table.names.at(nr);
    if (!exact) {
      out.notes.push_back(name + ": a condition that no single rule can say is left out");
    }
    if (!pieces.empty()) {
      out.calls[name] = std::move(pieces);
    }
  }
  return out;
}

std::vector<oci::SeccompRule> allow_entries(const std::map<std::string, std::vector<ArgSets>>& calls) {
  std::map<ArgSets, std::vector<std::string>> groups;  // everything sorts first
  for (const auto& [name, pieces] : calls) {
    for (const ArgSets& piece : pieces) {
      groups[piece].push_back(name);
    }
  }
  std::vector<oci::SeccompRule> out;
  for (auto& [conditions, names] : groups) {
    oci::SeccompRule entry;
    entry.action = action_name(Action::allow);
    entry.args = to_oci(conditions);
    entry.names = std::move(names);
    out.push_back(std::move(entry));
  }
  std::stable_partition(out.begin(), out.end(), [](const oci::SeccompRule& entry) { return entry.args.empty(); });
  return out;
}

Result<std::vector<oci::SeccompRule>> denials_beside(const oci::Seccomp& profile,
                                                     const std::map<std::string, std::vector<ArgSets>>& allowed) {
  TRY_ASSIGN(const SyscallTable table, make_table(profile));
  std::map<std::pair<Verdict, ArgSets>, std::vector<std::string>> groups;
  for (const auto& [nr, rules] : table.rules) {
    const std::string& name = table.names.at(nr);
    const auto opened = allowed.find(name);
    for (const SyscallRule& rule : rules) {
      const auto meets = [&](const ArgSets& piece) { return !apart(piece, rule.conditions); };
      const bool open = opened != allowed.end() && std::any_of(opened->second.begin(), opened->second.end(), meets);
      if (rule.verdict.action <= Action::error && !open && expressible(rule.conditions)) {
        groups[{rule.verdict, rule.conditions}].push_back(name);
      }
    }
  }
  std::vector<oci::SeccompRule> out;
  for (auto& [key, names] : groups) {
    oci::SeccompRule entry;
    entry.action = action_name(key.first.action);
    if (key.first.action == Action::error) {
      entry.errno_ret = key.first.data;
    }
    entry.args = to_oci(key.second);
    std::sort(names.begin(), names.end());
    entry.names = std::move(names);
    out.push_back(std::move(entry));
  }
  return out;
}

std::string describe(const ArgSets& conditions) {
  static constexpr std::array<std::string_view, 6> kOps = {"!=", "<", "<=", "==", ">=", ">"};
  std::string out;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const auto condition = conditions[i].condition();
    if (!condition) {
      continue;
    }
    out += (out.empty() ? "arg" : ", arg") + std::to_string(i);
    out += condition->op == Compare::masked_eq
               ? " & " + hex(condition->value) + " == " + hex(condition->value_two)
               : " " + std::string(kOps[static_cast<std::size_t>(condition->op)]) + " " + hex(condition->value);
  }
  return out.empty() ? "any arguments" : out;
}

std::string profile_text(const oci::Seccomp& profile) {
  std::string out = "{\n  \"defaultAction\": " + json_text(profile.default_action) + ",\n";
  out +=
      profile.default_errno_ret ? "  \"defaultErrnoRet\": " + std::to_string(*profile.default_errno_ret) + ",\n" : "";
  out += "  \"architectures\": " + list_text(profile.architectures) + ",\n";
  out += profile.flags.empty() ? "" : "  \"flags\": " + list_text(profile.flags) + ",\n";
  out += listener_text(profile) + "  \"syscalls\": [";
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    const oci::SeccompRule& entry = profile.syscalls[i];
    const std::string head = entry_head(entry);
    out += (i == 0 ? "\n" : ",\n") + head + names_text(entry.names, head.size() < kWidth ? kWidth - head.size() : 0);
  }
  return out + (profile.syscalls.empty() ? "]\n}\n" : "\n  ]\n}\n");
}

}  // namespace nucleus::hardening
