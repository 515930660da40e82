// linux.devices: the default nodes and what is granted.
#include <algorithm>
#include <utility>

#include "hardening/json_text.hpp"
#include "hardening/path_text.hpp"
#include "hardening/rules/default_devices.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "devices";

// By path and number: a disk called /dev/null is a request.
bool is_default(const oci::Device& device) {
  const std::string path = normal_path(device.path);
  return std::ranges::any_of(kDefaultDevices, [&](const DefaultDevice& known) {
    return known.path == path && (device.type == "c" || device.type == "u") && known.major == device.major &&
           known.minor == device.minor;
  });
}

}  // namespace

Status harden_devices(RuleContext& context) {
  auto& devices = context.spec.linux.devices;
  std::vector<std::string> extra;
  for (const auto& device : devices) {
    if (!is_default(device)) {
      extra.push_back(normal_path(device.path));
    }
  }
  if (extra.empty()) {
    return {};
  }
  TRY_ASSIGN(const auto granted,
             context.request_all({kRule, GrantKind::device, "", Control::beyond_policy, "/linux/devices",
                                  json_text(devices), "the container would talk to the host's hardware"},
                                 extra));
  std::vector<oci::Device> kept;
  for (const auto& device : devices) {
    if (is_default(device) || std::ranges::count(granted, normal_path(device.path)) != 0) {
      kept.push_back(device);
    }
  }
  if (kept.size() != devices.size()) {
    context.dropped(kRule, "/linux/devices", json_text(devices), json_text(kept),
                    "devices beyond the default ones are not granted by policy " + context.policy.name);
    devices = std::move(kept);
  }
  return {};
}

}  // namespace nucleus::hardening
