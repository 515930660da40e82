// linux.resources.devices, the cgroup's device list, in one canonical form: everything denied, then what is granted,
// then the default nodes. The last rule that matches decides.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "hardening/json_text.hpp"
#include "hardening/rules/default_devices.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "devices";
constexpr std::string_view kPath = "/linux/resources/devices";

bool is_any(const std::optional<std::int64_t>& number) { return !number || *number < 0; }

std::string number_text(const std::optional<std::int64_t>& number) {
  return is_any(number) ? "*" : std::to_string(*number);
}

// "c 10:229", "a *:*": the value of the grant.
std::string value_of(const oci::DeviceRule& rule) {
  return (rule.type.empty() ? "a" : rule.type) + " " + number_text(rule.major) + ":" + number_text(rule.minor);
}

bool denies_all(const oci::DeviceRule& rule) {
  return !rule.allow && value_of(rule) == "a *:*" && (rule.access.empty() || rule.access.size() == 3);
}

bool is_default_node(const oci::DeviceRule& rule) {
  if (rule.type != "c" || is_any(rule.major)) {
    return false;
  }
  return *rule.major == kPtsMajor || std::ranges::any_of(kDefaultDevices, [&](const DefaultDevice& known) {
    return known.major == *rule.major && !is_any(rule.minor) && known.minor == *rule.minor;
  });
}

// In the lists that docker, containerd and runc send for every container: making nodes of any kind (without CAP_MKNOD
// that is nothing), and /dev/net/tun in older ones.
bool is_engine_default(const oci::DeviceRule& rule) {
  const std::string value = value_of(rule);
  return (rule.access == "m" && (value == "c *:*" || value == "b *:*")) || value == "c 10:200";
}

// The rule of a node that harden_devices let through.
bool is_for_granted_node(const oci::Spec& spec, const oci::DeviceRule& rule) {
  return std::ranges::any_of(spec.linux.devices, [&](const oci::Device& device) {
    return !is_any(rule.major) && !is_any(rule.minor) && (device.type == "u" ? "c" : device.type) == rule.type &&
           device.major == *rule.major && device.minor == *rule.minor;
  });
}

struct Sorted {
  std::vector<oci::DeviceRule> kept;  // grants, and denials after a grant, in the config's order
  std::vector<std::string> refused;   // values of requests
};

Result<Sorted> sort_rules(RuleContext& context, const std::vector<oci::DeviceRule>& rules) {
  std::vector<oci::DeviceRule> extra;
  std::vector<std::string> requests;
  for (const auto& rule : rules) {
    if (denies_all(rule)) {
      extra.clear();
      requests.clear();
    } else if (rule.allow && is_default_node(rule)) {
      continue;  // canonical() has it
    } else if (!rule.allow || is_for_granted_node(context.spec, rule)) {
      extra.push_back(rule);
    } else if (!is_engine_default(rule) || context.policy.find(GrantKind::device, value_of(rule)) != nullptr) {
      extra.push_back(rule);
      requests.push_back(value_of(rule));
    }
  }
  TRY_ASSIGN(const auto granted,
             context.request_all({kRule, GrantKind::device, "", Control::beyond_policy, std::string(kPath),
                                  json_text(rules), "no engine opens these devices to a container by default"},
                                 requests));
  Sorted sorted;
  for (const auto& rule : extra) {
    const bool stays = rule.allow
                           ? is_for_granted_node(context.spec, rule) || std::ranges::count(granted, value_of(rule)) != 0
                           : !sorted.kept.empty();
    if (stays) {
      sorted.kept.push_back(rule);
    } else if (rule.allow) {
      sorted.refused.push_back(value_of(rule));
    }
  }
  return sorted;
}

std::vector<oci::DeviceRule> canonical(std::vector<oci::DeviceRule> extra) {
  std::vector<oci::DeviceRule> rules = {{false, "a", std::nullopt, std::nullopt, "rwm", {}}};
  std::ranges::move(extra, std::back_inserter(rules));
  for (const auto& known : kDefaultDevices) {
    if (known.path != "/dev/console") {  // a terminal of the container's devpts is there; 5:1 is the host's
      rules.push_back({true, "c", known.major, known.minor, "rwm", {}});
    }
  }
  rules.push_back({true, "c", kPtsMajor, std::nullopt, "rwm", {}});
  return rules;
}

}  // namespace

Status harden_device_rules(RuleContext& context) {
  static const std::vector<oci::DeviceRule> kNone;
  const auto& resources = context.spec.linux.resources;
  const std::vector<oci::DeviceRule> before = resources ? resources->devices : kNone;
  TRY_ASSIGN(Sorted sorted, sort_rules(context, before));
  std::vector<oci::DeviceRule> after = canonical(std::move(sorted.kept));
  if (after == before) {
    return {};
  }
  const std::string from = before.empty() ? "" : json_text(before);
  if (sorted.refused.empty()) {
    context.tightened(kRule, std::string(kPath), from, json_text(after), "the default devices and nothing else");
  } else {
    context.dropped(kRule, std::string(kPath), from, json_text(after),
                    "not granted by policy " + context.policy.name + ": " + join(sorted.refused));
  }
  if (!context.spec.linux.resources) {
    context.spec.linux.resources.emplace();
  }
  context.spec.linux.resources->devices = std::move(after);
  return {};
}

}  // namespace nucleus::hardening
