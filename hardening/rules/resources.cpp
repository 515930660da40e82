// A limit on processes always; on memory where the mode demands one.
#include <charconv>

#include "hardening/json_text.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "resources";

// unified entries are written after the typed members, so they would have the last word (config-linux.md "Unified").
// What they say about the two limits that are judged here is said by the typed members instead.
void take_unified(RuleContext& context, const char* file, std::optional<std::int64_t>& typed) {
  auto& unified = context.spec.linux.resources->unified;
  const auto entry = unified.find(file);
  if (entry == unified.end()) {
    return;
  }
  std::int64_t value = 0;
  const std::string text = entry->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool finite = error == std::errc{} && end == text.data() + text.size() && value > 0;
  if (finite && (typed.value_or(0) <= 0 || value < *typed)) {
    typed = value;
  }
  unified.erase(entry);
  context.tightened(kRule, std::string("/linux/resources/unified/") + file, json_text(text), "",
                    finite ? "said by the typed limit" : "lifts a limit", context.policy_origin());
}

void fold_unified(RuleContext& context) {
  auto& resources = context.spec.linux.resources;
  if (!resources) {
    return;
  }
  if (resources->unified.contains("pids.max")) {
    resources->pids = resources->pids.value_or(oci::PidsLimits{});
    take_unified(context, "pids.max", resources->pids->limit);
  }
  if (resources->unified.contains("memory.max")) {
    resources->memory = resources->memory.value_or(oci::MemoryLimits{});
    take_unified(context, "memory.max", resources->memory->limit);
  }
}

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
  fold_unified(context);
  limit_pids(context);
  if (limits_memory(context.spec)) {
    return {};
  }
  return context.require(Control::memory_limit, kRule, "linux.resources.memory.limit is not set");
}

}  // namespace nucleus::hardening
