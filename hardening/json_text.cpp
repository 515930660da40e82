#include "hardening/json_text.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace nucleus::hardening {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json device_json(const oci::Device& device) {
  Json out = {{"path", device.path}, {"type", device.type}};
  if (device.type != "p") {
    out["major"] = device.major;
    out["minor"] = device.minor;
  }
  return out;
}

Json rule_json(const oci::DeviceRule& rule) {
  Json out = {{"allow", rule.allow}};
  if (!rule.type.empty()) {
    out["type"] = rule.type;
  }
  if (rule.major) {
    out["major"] = *rule.major;
  }
  if (rule.minor) {
    out["minor"] = *rule.minor;
  }
  if (!rule.access.empty()) {
    out["access"] = rule.access;
  }
  return out;
}

}  // namespace

std::string json_text(std::string_view text) { return dump(Json(std::string(text))); }
std::string json_text(const std::vector<std::string>& texts) { return dump(Json(texts)); }
std::string json_text(std::int64_t number) { return std::to_string(number); }
std::string json_bool(bool value) { return value ? "true" : "false"; }

std::string json_text(const oci::Mount& mount) {
  return dump(
      {{"destination", mount.destination}, {"type", mount.type}, {"source", mount.source}, {"options", mount.options}});
}

std::string json_text(const oci::Namespace& entry) {
  Json out = {{"type", entry.type}};
  if (!entry.path.empty()) {
    out["path"] = entry.path;
  }
  return dump(out);
}

std::string json_text(const std::vector<oci::Device>& devices) {
  Json out = Json::array();
  for (const auto& device : devices) {
    out.push_back(device_json(device));
  }
  return dump(out);
}

std::string json_text(const std::vector<oci::DeviceRule>& rules) {
  Json out = Json::array();
  for (const auto& rule : rules) {
    out.push_back(rule_json(rule));
  }
  return dump(out);
}

std::string json_text(const oci::Rlimit& limit) {
  return dump({{"type", limit.type}, {"hard", limit.hard}, {"soft", limit.soft}});
}

std::string json_summary(const oci::Seccomp& profile) {
  std::map<std::string, std::set<std::string_view>> names;
  for (const auto& rule : profile.syscalls) {
    names[rule.action].insert(rule.names.begin(), rule.names.end());
  }
  Json out = {{"defaultAction", profile.default_action}};
  for (const auto& [action, set] : names) {
    out[action] = std::to_string(set.size()) + " names";
  }
  return dump(out);
}

std::string pointer_token(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const auto& part : parts) {
    out += out.empty() ? "" : std::string(separator);
    out += part;
  }
  return out;
}

}  // namespace nucleus::hardening
