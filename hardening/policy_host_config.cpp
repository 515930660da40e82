// /etc/nucleus/nucleus.toml.
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "hardening/json_text.hpp"
#include "hardening/path_text.hpp"
#include "hardening/policy.hpp"
#include "hardening/policy_attestation.hpp"
#include "hardening/policy_files.hpp"
#include "hardening/policy_toml.hpp"

namespace nucleus::hardening {
namespace {

Result<std::optional<Mode>> read_mode(TomlTable& table, std::string_view key) {
  TRY_ASSIGN(const auto text, table.text(key));
  if (!text) {
    return std::nullopt;
  }
  const auto parsed = parse_mode(text->value);
  if (!parsed) {
    return fail_at(text->place, std::string(key) + ": unknown mode " + json_text(text->value));
  }
  return parsed;
}

// A mode of its own below a floor of its own is a slip. Passthrough has to be allowed by name.
std::string below_floor(Mode mode, Mode floor) {
  return "mode " + std::string(mode_name(mode)) + " is below mode_floor " + std::string(mode_name(floor)) +
         (mode == Mode::passthrough ? " (agent unless set)" : "");
}

Status read_policies(TomlTable& table, HostConfig& config) {
  TRY_ASSIGN(const auto policy, table.text("policy"));
  if (policy) {
    if (policy->value.empty()) {
      return fail_at(policy->place, "policy: must not be empty");
    }
    config.policy = policy->value;
  }
  TRY_ASSIGN(const auto dirs, table.texts("policy_dirs"));
  if (!dirs.empty()) {
    config.policy_dirs.clear();
  }
  for (const auto& dir : dirs) {
    if (!dir.value.starts_with('/')) {
      return fail_at(dir.place, "policy_dirs: must be absolute, got " + json_text(dir.value));
    }
    config.policy_dirs.push_back(dir.value);
  }
  return {};
}

Status read_watch(TomlTable& table, HostConfig& config) {
  TRY_ASSIGN(const auto may_learn, table.boolean("annotations_may_learn"));
  config.annotations_may_learn = may_learn.value_or(config.annotations_may_learn);
  TRY_ASSIGN(const auto denials, table.boolean("seccomp_denials"));
  config.seccomp_denials = denials.value_or(config.seccomp_denials);
  TRY_ASSIGN(const auto directory, table.text("trace_dir"));
  if (!directory || directory->value.empty()) {
    return {};
  }
  if (!directory->value.starts_with('/') || normal_path(directory->value) == "/") {
    return fail_at(directory->place, "trace_dir: expected the absolute path of a directory other than /, got " +
                                         json_text(directory->value));
  }
  config.trace_dir = normal_path(directory->value);
  return {};
}

Result<TomlText> required(TomlTable& table, std::string_view key) {
  TRY_ASSIGN(auto text, table.text(key));
  if (!text) {
    return fail_at(table.place(), "profile: " + std::string(key) + " must be given");
  }
  if (text->value.empty()) {
    return fail_at(text->place, "profile: " + std::string(key) + " must not be empty");
  }
  return std::move(*text);
}

Result<std::string> read_id(TomlTable& table) {
  TRY_ASSIGN(auto id, required(table, "id"));
  const auto star = id.value.find('*');
  if (star == 0 || (star != std::string::npos && star + 1 != id.value.size())) {
    return fail_at(id.place,
                   "profile: id: expected an id or the beginning of one followed by one *, got " + json_text(id.value));
  }
  return std::move(id.value);
}

Result<std::string> read_bundle_below(TomlTable& table) {
  TRY_ASSIGN(const auto directory, required(table, "bundle_below"));
  if (!directory.value.starts_with('/') || normal_path(directory.value) == "/") {
    return fail_at(directory.place,
                   "profile: bundle_below: expected the absolute path of a directory other than /, got " +
                       json_text(directory.value));
  }
  return normal_path(directory.value);
}

Result<Profile> read_profile(TomlTable& table, Mode floor) {
  Profile profile;
  profile.place = table.place();
  TRY_ASSIGN(auto name, required(table, "name"));
  profile.name = std::move(name.value);
  TRY_ASSIGN(profile.id, read_id(table));
  TRY_ASSIGN(profile.bundle_below, read_bundle_below(table));
  TRY_ASSIGN(auto policy, required(table, "policy"));
  profile.policy = std::move(policy.value);
  TRY_ASSIGN(profile.mode, read_mode(table, "mode"));
  TRY(table.refuse_unknown());
  if (profile.mode && *profile.mode < floor) {
    return fail_at(profile.place, "profile: " + below_floor(*profile.mode, floor));
  }
  return profile;
}

Status read_profiles(TomlTable& table, HostConfig& config) {
  TRY_ASSIGN(auto entries, table.tables("profile"));
  for (auto& entry : entries) {
    TRY_ASSIGN(auto profile, read_profile(entry, config.mode_floor));
    if (std::ranges::count(config.profiles, profile.name, &Profile::name) != 0) {
      return fail_at(profile.place, "profile: name " + json_text(profile.name) + " is taken");
    }
    config.profiles.push_back(std::move(profile));
  }
  return {};
}

Status read_lockdown(TomlTable& table, HostConfig& config) {
  TRY_ASSIGN(const auto lockdown, table.text("lockdown"));
  if (!lockdown) {
    return {};
  }
  if (lockdown->value != "none" && lockdown->value != "integrity" && lockdown->value != "confidentiality") {
    return fail_at(lockdown->place,
                   "lockdown: expected none, integrity or confidentiality, got " + json_text(lockdown->value));
  }
  config.lockdown = lockdown->value;
  return {};
}

Result<std::string> read_absolute_path(TomlTable& table, const char* key) {
  TRY_ASSIGN(auto path, table.text(key));
  if (path && !path->value.starts_with('/')) {
    return fail_at(path->place, std::string("receipt: ") + key + ": must be absolute, got " + json_text(path->value));
  }
  return path ? std::move(path->value) : std::string();
}

Status read_receipt(TomlTable& table, HostConfig& config) {
  TRY_ASSIGN(auto receipt, table.table("receipt"));
  if (!receipt) {
    return {};
  }
  TRY_ASSIGN(config.receipt.key, read_absolute_path(*receipt, "key"));
  TRY_ASSIGN(config.receipt.log, read_absolute_path(*receipt, "log"));
  return receipt->refuse_unknown();
}

Result<HostConfig> decode(std::string_view bytes, const std::string& path) {
  HostConfig config;
  TRY_ASSIGN(TomlTable table, TomlTable::parse(bytes, path));
  TRY_ASSIGN(const auto mode, read_mode(table, "mode"));
  TRY_ASSIGN(const auto floor, read_mode(table, "mode_floor"));
  config.mode = mode.value_or(config.mode);
  config.mode_floor = floor.value_or(config.mode_floor);
  TRY_ASSIGN(const auto may_grant, table.boolean("annotations_may_grant"));
  config.annotations_may_grant = may_grant.value_or(config.annotations_may_grant);
  TRY(read_watch(table, config));
  TRY(read_policies(table, config));
  TRY(read_profiles(table, config));
  TRY_ASSIGN(config.attestation, read_attestation(table, "host configuration"));
  TRY(read_lockdown(table, config));
  TRY(read_receipt(table, config));
  TRY(table.refuse_unknown());
  if (config.mode < config.mode_floor) {
    return fail(ErrorCode::invalid_config, path + ": " + below_floor(config.mode, config.mode_floor));
  }
  return config;
}

}  // namespace

Result<HostConfig> load_host_config(const std::string& path) {
  TRY_ASSIGN(const auto bytes, read_policy_file(AT_FDCWD, path, path));
  return bytes ? decode(*bytes, path) : HostConfig{};
}

}  // namespace nucleus::hardening
