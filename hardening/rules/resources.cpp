// A limit on processes always; on memory where the mode demands one.
#include "hardening/json_text.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "resources";

void limit_pids(RuleContext& context) {
  auto& resources = context.spec.linux.resources;
  const bool set = resources && resources->pids && resources->pids->limit;
  if (set && *resources->pids->limit > 0) {
    return;
  }
  const std::string before = set ? json_text(*resources->pids->limit) : "";
  if (!resources) {
    resources.emplace();
  }
  if (!resources->pids) {
    resources->pids.emplace();
  }
  resources->pids->limit = context.policy.pids_limit;
  context.tightened(kRule, "/linux/resources/pids/limit", before, json_text(context.policy.pids_limit),
                    "a fork bomb ends at the container's own limit", context.policy_origin());
}

bool limits_memory(const oci::Spec& spec) {
  const auto& resources = spec.linux.resources;
  return resources && resources->memory && resources->memory->limit && *resources->memory->limit > 0;
}

}  // namespace

Status harden_resources(RuleContext& context) {
  limit_pids(context);
  if (limits_memory(context.spec)) {
    return {};
  }
  return context.require(Control::memory_limit, kRule, "linux.resources.memory.limit is not set");
}

}  // namespace nucleus::hardening
