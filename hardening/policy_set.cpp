#include "hardening/policy_set.hpp"

#include <algorithm>
#include <utility>

#include "hardening/digest.hpp"
#include "hardening/egress_toml.hpp"
#include "hardening/json_text.hpp"
#include "hardening/path_text.hpp"
#include "hardening/policy_attestation.hpp"
#include "hardening/policy_toml.hpp"
#include "hardening/seccomp_names.hpp"
#include "hardening/seccomp_table.hpp"
#include "oci/document.hpp"
#include "runtime/base/capability.hpp"

namespace nucleus::hardening {
namespace {

using enum Access;
constexpr std::array<std::pair<std::string_view, Access>, 6> kAccessWords = {
    {{"read", read}, {"write", write}, {"execute", execute}, {"create", create}, {"remove", remove}, {"ioctl", ioctl}}};

// One file's share of the policy. `owner` is what origins name: "policy web", or "file /srv/web-caps.toml".
struct Share {
  Policy& policy;
  std::string owner;

  // "policy default (policy.toml:4)": what a Finding shows as the origin.
  [[nodiscard]] std::string origin_at(const std::string& place) const {
    const auto file = place.substr(place.rfind('/') + 1);
    return owner + " (" + file.substr(0, file.rfind(':')) + ")";
  }
};

Status decode_policy_toml(TomlTable table, const Share& share) {
  Policy& policy = share.policy;
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
    TRY_ASSIGN(auto grant, parse_grant(text.value, share.origin_at(text.place)).map_error([&](Error error) {
      return std::move(error).with(text.place);
    }));
    policy.grants.push_back(std::move(grant));
  }
  TRY_ASSIGN(const auto pids, table.integer("pids_limit", 1, 4194304));  // the kernel's PID_MAX_LIMIT
  policy.pids_limit = pids.value_or(policy.pids_limit);
  TRY_ASSIGN(policy.attestation_settings, read_attestation(table, "policy " + policy.name));
  return table.refuse_unknown();
}

Result<std::vector<std::string>> kept_capabilities(TomlTable& document, std::string_view set, const Share& share) {
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
    if (set == "ambient" && std::ranges::count(share.policy.keep_bounding, full) == 0) {
      return fail_at(name.place, "ambient.keep has " + full + ", bounding.keep has not");
    }
    if (std::ranges::count(kept, full) != 0) {
      return fail_at(name.place, std::string(set) + ".keep: " + full + " is named twice");
    }
    share.policy.places[std::string(set) + " " + full] = share.origin_at(name.place);
    kept.push_back(std::move(full));
  }
  TRY(table->refuse_unknown());
  return kept;
}

Status decode_caps_toml(TomlTable table, const Share& share) {
  Policy& policy = share.policy;
  TRY_ASSIGN(policy.keep_bounding, kept_capabilities(table, "bounding", share));
  TRY_ASSIGN(policy.keep_ambient, kept_capabilities(table, "ambient", share));
  return table.refuse_unknown();
}

Result<AccessSet> access_words(const std::vector<TomlText>& words) {
  AccessSet access = 0;
  for (const auto& word : words) {
    const auto* const known =
        std::ranges::find(kAccessWords, std::string_view(word.value), [](const auto& row) { return row.first; });
    if (known == kAccessWords.end()) {
      return fail_at(word.place,
                     "access: expected read, write, execute, create, remove or ioctl, got " + json_text(word.value));
    }
    access |= static_cast<AccessSet>(known->second);
  }
  return access;
}

Status decode_egress(TomlTable table, const Share& share) {
  TRY_ASSIGN(share.policy.egress, decode_egress_toml(std::move(table), share.owner));
  return {};
}

// No "..": what it names would depend on symbolic links, which rules do not follow when they are compared.
Result<std::string> rule_path(const std::optional<TomlText>& path, const std::string& place) {
  if (!path || !path->value.starts_with('/')) {
    return fail_at(path ? path->place : place, "rules: path must be given and absolute");
  }
  if (path->value.find('\0') != std::string::npos || (path->value + "/").find("/../") != std::string::npos) {
    return fail_at(path->place, "rules: path has a \"..\" or a NUL: " + json_text(path->value));
  }
  return normal_path(path->value);
}

Status decode_landlock_toml(TomlTable table, const Share& share) {
  Policy& policy = share.policy;
  TRY_ASSIGN(const auto abi, table.integer("min_abi", 0, 1000));
  policy.landlock.min_abi = static_cast<int>(abi.value_or(policy.landlock.min_abi));
  TRY_ASSIGN(auto rules, table.tables("rules"));
  for (auto& rule : rules) {
    TRY_ASSIGN(const auto path, rule.text("path"));
    TRY_ASSIGN(const auto words, rule.texts("access"));
    TRY(rule.refuse_unknown());
    TRY_ASSIGN(const std::string checked, rule_path(path, rule.place()));
    if (std::ranges::count(policy.landlock.rules, checked, &LandlockPathRule::path) != 0) {
      return fail_at(path->place, "rules: " + checked + " has a rule already");
    }
    if (words.empty()) {
      return fail_at(rule.place(), "rules: access must name at least one right");
    }
    TRY_ASSIGN(const AccessSet access, access_words(words));
    policy.landlock.rules.push_back({checked, access, share.origin_at(path->place)});
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
        return place + "args[" + std::to_string(&arg - rule.args.data()) + "]." + arg.extra.begin()->first;
      }
    }
  }
  return "";
}

Status refuse_unknown_calls(const oci::Seccomp& profile, const std::vector<std::string>& unknown,
                            const std::string& file) {
  for (std::size_t i = 0; i < profile.syscalls.size(); ++i) {
    const auto& names = profile.syscalls[i].names;
    for (std::size_t j = 0; j < names.size(); ++j) {
      if (std::ranges::count(unknown, names[j]) != 0) {
        return fail(ErrorCode::invalid_config, file + ": seccomp.syscalls[" + std::to_string(i) + "].names[" +
                                                   std::to_string(j) + "]: unknown system call " + json_text(names[j]));
      }
    }
  }
  return {};
}

Status check_environment(const oci::Seccomp& profile) {
  for (std::size_t i = 0; i < profile.architectures.size(); ++i) {
    TRY(parse_architecture(profile.architectures[i]).map_error([&](Error error) {
      return std::move(error).with("seccomp.architectures[" + std::to_string(i) + "]");
    }));
  }
  TRY(parse_flags(profile.flags).map_error([](Error error) { return std::move(error).with("seccomp.flags"); }));
  return {};
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
  TRY(check_environment(policy.seccomp).map_error([&](Error error) { return std::move(error).with(file); }));
  return refuse_unknown_calls(policy.seccomp, table.unknown_names, file);
}

}  // namespace

std::string lock_text(const PolicyBytes& bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text += to_hex(sha256(bytes[i])) + "  " + std::string(kPolicyFiles[i]) + "\n";
  }
  return text;
}

std::string access_text(AccessSet access) {
  std::string out;
  for (const auto& [word, bit] : kAccessWords) {
    if ((access & static_cast<AccessSet>(bit)) != 0) {
      out += (out.empty() ? "" : " ") + std::string(word);
    }
  }
  return out;
}

Result<Policy> decode_policy(const PolicyInput& input, const std::string& name, bool external) {
  Policy policy;
  policy.name = name;
  policy.external = external;
  policy.digest = to_hex(sha256(lock_text(input.bytes)));
  constexpr std::array kDecoders = {decode_caps_toml, decode_egress, decode_landlock_toml, decode_policy_toml};
  for (std::size_t i = 0; i < kDecoders.size(); ++i) {
    TRY_ASSIGN(auto table, TomlTable::parse(input.bytes[i], input.shown[i]));
    TRY(kDecoders[i](std::move(table), {policy, input.replaced[i] ? "file " + input.shown[i] : "policy " + name}));
  }
  TRY(decode_seccomp_json(input.bytes.back(), input.shown.back(), policy));
  return policy;
}

}  // namespace nucleus::hardening
