#include "hardening/rules/capabilities.hpp"

#include <algorithm>
#include <utility>

#include "hardening/json_text.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "capabilities";
constexpr std::string_view kPath = "/process/capabilities";

struct SetRow {
  std::string_view name;
  std::vector<std::string> oci::Capabilities::*names;
};

constexpr std::array kSets = {
    SetRow{"bounding", &oci::Capabilities::bounding},       SetRow{"effective", &oci::Capabilities::effective},
    SetRow{"inheritable", &oci::Capabilities::inheritable}, SetRow{"permitted", &oci::Capabilities::permitted},
    SetRow{"ambient", &oci::Capabilities::ambient},
};

std::vector<std::string> names_of(CapabilityMask mask) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < kCapabilityNames.size(); ++i) {
    if ((mask >> i & 1) != 0) {
      names.emplace_back(kCapabilityNames[i]);
    }
  }
  return names;
}

// Keeps the config's spelling and order; names that we do not know go.
void narrow_set(RuleContext& context, const SetRow& row, CapabilityMask mask, const CapabilityLimit& limit) {
  auto& names = (*context.spec.process->capabilities).*row.names;
  std::vector<std::string> kept;
  CapabilityMask gone = 0;
  for (const auto& name : names) {
    const CapabilityMask bit = capability_bit(name);
    if ((bit & mask) != 0) {
      kept.push_back(name);
    } else {
      gone |= bit;
    }
  }
  if (kept.size() == names.size()) {
    return;
  }
  const bool request = (gone & ~engine_default_capabilities() & ~limit.bounding) != 0;
  std::string path = std::string(kPath) + "/" + std::string(row.name);
  const auto record = request ? &RuleContext::dropped : &RuleContext::tightened;
  (context.*record)(kRule, std::move(path), json_text(names), json_text(kept), limit.reason, limit.origin);
  names = std::move(kept);
}

}  // namespace

CapabilityMask engine_default_capabilities() {
  CapabilityMask mask = 0;
  for (const auto name : kEngineDefaultCapabilities) {
    mask |= capability_bit(name);
  }
  return mask;
}

std::vector<std::string> beyond_engine_defaults(const oci::Capabilities& capabilities) {
  CapabilityMask all = 0;
  for (const auto& row : kSets) {
    all |= capability_mask(capabilities.*row.names);
  }
  return names_of(all & ~engine_default_capabilities());
}

void limit_capabilities(RuleContext& context, const CapabilityLimit& limit) {
  const CapabilityMask ambient =
      limit.ambient & limit.bounding & capability_mask(context.spec.process->capabilities->ambient);
  for (const auto& row : kSets) {
    const bool needs_ambient = row.name == "ambient" || row.name == "inheritable";
    narrow_set(context, row, needs_ambient ? ambient : limit.bounding, limit);
  }
}

Status harden_capabilities(RuleContext& context) {
  if (!context.spec.process || !context.spec.process->capabilities) {
    return {};
  }
  // What caps.toml keeps is the policy's word already.
  std::vector<std::string> requests = beyond_engine_defaults(*context.spec.process->capabilities);
  const CapabilityMask keeps = capability_mask(context.policy.keep_bounding);
  std::erase_if(requests, [keeps](const std::string& name) { return (capability_bit(name) & keeps) != 0; });
  TRY_ASSIGN(const auto granted,
             context.request_all({kRule, GrantKind::capability, "", Control::beyond_policy, std::string(kPath),
                                  json_text(requests), "no engine gives this by default"},
                                 requests));
  // A grant also keeps a name that engines give by default.
  CapabilityMask by_grant = capability_mask(granted);
  for (const Grant& grant : context.policy.grants) {
    by_grant |= grant.kind == GrantKind::capability ? capability_bit(grant.value) : 0;
  }
  const CapabilityMask kept = keeps | by_grant;
  limit_capabilities(
      context, {kept, capability_mask(context.policy.keep_ambient) | by_grant,
                "policy " + context.policy.name + " keeps " + (kept == 0 ? "no capability" : join(names_of(kept))),
                context.policy_origin()});
  return {};
}

}  // namespace nucleus::hardening
