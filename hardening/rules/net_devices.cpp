// linux.netDevices: host interfaces move into the container only when granted.
#include "hardening/json_text.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {

Status harden_net_devices(RuleContext& context) {
  auto& devices = context.spec.linux.net_devices;
  for (auto it = devices.begin(); it != devices.end();) {
    TRY_ASSIGN(const bool granted,
               context.request({"net-devices", GrantKind::net_device, it->first, Control::beyond_policy,
                                "/linux/netDevices/" + pointer_token(it->first), json_text(it->second.name),
                                "the host's interface " + it->first + " would move into the container"}));
    it = granted ? std::next(it) : devices.erase(it);
  }
  return {};
}

}  // namespace nucleus::hardening
