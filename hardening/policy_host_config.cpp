// /etc/nucleus/nucleus.toml.
#include <fcntl.h>

#include "hardening/json_text.hpp"
#include "hardening/policy.hpp"
#include "hardening/policy_files.hpp"
#include "hardening/policy_toml.hpp"

namespace nucleus::hardening {
namespace {

Status read_mode(TomlTable& table, std::string_view key, Mode& mode) {
  TRY_ASSIGN(const auto text, table.text(key));
  if (!text) {
    return {};
  }
  const auto parsed = parse_mode(text->value);
  if (!parsed) {
    return fail_at(text->place, std::string(key) + ": unknown mode " + json_text(text->value));
  }
  mode = *parsed;
  return {};
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

Result<HostConfig> decode(std::string_view bytes, const std::string& path) {
  HostConfig config;
  TRY_ASSIGN(TomlTable table, TomlTable::parse(bytes, path));
  TRY(read_mode(table, "mode", config.mode));
  TRY(read_mode(table, "mode_floor", config.mode_floor));
  TRY_ASSIGN(const auto may_grant, table.boolean("annotations_may_grant"));
  config.annotations_may_grant = may_grant.value_or(config.annotations_may_grant);
  TRY(read_policies(table, config));
  TRY(table.refuse_unknown());
  if (config.mode < config.mode_floor) {
    return fail(ErrorCode::invalid_config, path + ": mode " + std::string(mode_name(config.mode)) +
                                               " is below mode_floor " + std::string(mode_name(config.mode_floor)) +
                                               (config.mode == Mode::passthrough ? " (agent unless set)" : ""));
  }
  return config;
}

}  // namespace

Result<HostConfig> load_host_config(const std::string& path) {
  TRY_ASSIGN(const auto bytes, read_policy_file(AT_FDCWD, path, path));
  return bytes ? decode(*bytes, path) : HostConfig{};
}

}  // namespace nucleus::hardening
