// `update`: what the rewrite demanded of the limits at creation holds for changed ones as well.
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {

Result<HardenedResources> harden_update(const oci::Resources& resources, const Policy& policy, const HostFacts& facts,
                                        Mode mode) {
  HardenedResources out{resources, {mode, policy.name, policy.digest, {}, "", ""}};
  if (mode == Mode::passthrough) {
    return out;
  }
  oci::Spec spec;
  spec.linux.resources = resources;
  RuleContext context(spec, policy, facts, mode, out.report);
  TRY(harden_resources(context));
  out.resources = std::move(*spec.linux.resources);
  return out;
}

}  // namespace nucleus::hardening
