#include "hardening/policy_set.hpp"

#include <algorithm>
#include <utility>

#include "hardening/digest.hpp"
#include "hardening/egress_toml.hpp"
#include "hardening/json_text.hpp"
#include "hardening/path_text.hpp"
#include "hardening/policy_toml.hpp"
#include "hardening/seccomp_table.hpp"
#include "oci/document.hpp"
#include "runtime/base/capability.hpp"

namespace nucleus::hardening {
namespace {

// "policy default (policy.toml:4)": what a Finding shows as the origin.
std::string origin_at(const Policy& policy, const std::string& place) {
  const auto file = place.substr(place.rfind('/') + 1);
  return "policy " + policy.name + " (" + file.substr(0, file.rfind(':')) + ")";
}

Status decode_policy_toml(TomlTable table, Policy& policy) {
  TRY_ASSIGN(const auto name, table.text("name"));
  if (name && name->value != policy.name) {
    return fail_at(name->place,
                   "name: expected " + json_text(policy.name) + ", the set's name, got " + json_text(name->value));
  }
  TRY_ASSIGN(const auto description, table.text("description"));
  policy.description = description ? description->value : "";
  TRY_ASSIGN(const auto floor, table.text("mode_floor"));
  if (floor) {
    const auto mode = parse_mode(floor->value);
    if (!mode || *mode == Mode::passthrough) {
      return fail_at(floor->place,
                     "mode_floor: expected agent, strict-agent or production, got " + json_text(floor->value));
    }
    policy.floor = *mode;
  }
  TRY_ASSIGN(const auto grants, table.texts("grants"));
  for (const auto& text : grants) {
    TRY_ASSIGN(auto grant, parse_grant(text.value, origin_at(policy, text.place)).map_error([&](Error error) {
      return std::move(error).with(text.place);
    }));
    policy.grants.push_back(std::move(grant));
  }
  TRY_ASSIGN(const auto pids, table.integer("pids_limit", 1, 4194304));  // the kernel's PID_MAX_LIMIT
  policy.pids_limit = pids.value_or(policy.pids_limit);
  return table.refuse_unknown();
}

Result<std::vector<std::string>> kept_capabilities(TomlTable& document, std::string_view set) {
  std::vector<std::string> kept;
  TRY_ASSIGN(auto table, document.table(set));
  if (!table) {
    return kept;
  }
  TRY_ASSIGN(const auto names, table->texts("keep"));
  for (const auto& name : names) {
    std::string full = (name.value.starts_with("CAP_") ? "" : "CAP_") + name.value;
    if (!capability_number(full)) {
      return fail_at(name.place, std::string(set) + ".keep: unknown capability " + json_text(name.value));
    }
    kept.push_back(std::move(full));
  }
  TRY(table->refuse_unknown());
  return kept;
}

Status decode_caps_toml(TomlTable table, Policy& policy) {
  TRY_ASSIGN(policy.keep_bounding, kept_capabilities(table, "bounding"));
  TRY_ASSIGN(policy.keep_ambient, kept_capabilities(table, "ambient"));
  for (const auto& name : policy.keep_ambient) {
    if (std::ranges::count(policy.keep_bounding, name) == 0) {
      return fail_at(table.place(), "ambient.keep has " + name + ", bounding.keep has not");
    }
  }
  return table.refuse_unknown();
}

Result<AccessSet> access_words(const std::vector<TomlText>& words) {
  using enum Access;
  constexpr std::array<std::pair<std::string_view, Access>, 6> kWords = {{{"read", read},
                                                                          {"write", write},
                                                                          {"execute", execute},
                                                                          {"create", create},
                                                                          {"remove", remove},
                                                                          {"ioctl", ioctl}}};
  AccessSet access = 0;
  for (const auto& word : words) {
    const auto* const known =
        std::ranges::find(kWords, std::string_view(word.value), [](const auto& row) { return row.first; });
    if (known == kWords.end()) {
      return fail_at(word.place,
                     "access: expected read, write, execute, create, remove or ioctl, got " + json_text(word.value));
    }
    access |= static_cast<AccessSet>(known->second);
  }
  return access;
}

Status decode_egress(TomlTable table, Policy& policy) {
  TRY_ASSIGN(policy.egress, decode_egress_toml(std::move(table), "policy " + policy.name));
  return {};
}

Status decode_landlock_toml(TomlTable table, Policy& policy) {
  TRY_ASSIGN(const auto abi, table.integer("min_abi", 0, 1000));
  policy.landlock.min_abi = static_cast<int>(abi.value_or(policy.landlock.min_abi));
  TRY_ASSIGN(auto rules, table.tables("rules"));
  for (auto& rule : rules) {
    TRY_ASSIGN(const auto path, rule.text("path"));
    TRY_ASSIGN(const auto words, rule.texts("access"));
    TRY(rule.refuse_unknown());
    if (!path || !path->value.starts_with('/')) {
      return fail_at(path ? path->place : rule.place(), "rules: path must be given and absolute");
    }
    if (words.empty()) {
      return fail_at(rule.place(), "rules: access must name at least one right");
    }
    TRY_ASSIGN(const AccessSet access, access_words(words));
    policy.landlock.rules.push_back({normal_path(path->value), access, origin_at(policy, path->place)});
  }
  return table.refuse_unknown();
}

std::string first_extra(const oci::Seccomp& profile) {
  if (!profile.extra.empty()) {
    return profile.extra.begin()->first;
  }
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    const auto& rule = profile.syscalls[i];
    const std::string place = "syscalls[" + std::to_string(i) + "].";
    if (!rule.extra.empty()) {
      return place + rule.extra.begin()->first;
    }
    for (const auto& arg : rule.args) {
      if (!arg.extra.empty()) {
        return place + "args." + arg.extra.begin()->first;
      }
    }
  }
  return "";
}

Status decode_seccomp_json(std::string_view bytes, const std::string& file, Policy& policy) {
  TRY_ASSIGN(policy.seccomp, oci::parse_seccomp(bytes, file));
  if (const std::string key = first_extra(policy.seccomp); !key.empty()) {
    return fail(ErrorCode::invalid_config, file + ": unknown key " + json_text(key));
  }
  if (!policy.external) {
    return {};
  }
  TRY_ASSIGN(const SyscallTable table,
             make_table(policy.seccomp).map_error([&](Error error) { return std::move(error).with(file); }));
  if (!table.unknown_names.empty()) {
    return fail(ErrorCode::invalid_config, file + ": unknown system calls: " + join(table.unknown_names));
  }
  return {};
}

}  // namespace

std::string lock_text(const PolicyBytes& bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text += to_hex(sha256(bytes[i])) + "  " + std::string(kPolicyFiles[i]) + "\n";
  }
  return text;
}

Result<Policy> decode_policy(const PolicyBytes& bytes, const std::string& name, const std::string& shown,
                             bool external) {
  Policy policy;
  policy.name = name;
  policy.external = external;
  policy.digest = to_hex(sha256(lock_text(bytes)));
  constexpr std::array kDecoders = {decode_caps_toml, decode_egress, decode_landlock_toml, decode_policy_toml};
  for (std::size_t i = 0; i < kDecoders.size(); ++i) {
    TRY_ASSIGN(auto table, TomlTable::parse(bytes[i], shown + std::string(kPolicyFiles[i])));
    TRY(kDecoders[i](std::move(table), policy));
  }
  TRY(decode_seccomp_json(bytes.back(), shown + std::string(kPolicyFiles.back()), policy));
  return policy;
}

}  // namespace nucleus::hardening
