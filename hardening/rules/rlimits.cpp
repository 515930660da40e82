// No core dumps (they write memory to disk, or to a handler on the host), and only limits that this host can give.
#include <algorithm>

#include "hardening/json_text.hpp"
#include "hardening/rules/limits.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "rlimits";

void forbid_core_dumps(RuleContext& context) {
  auto& limits = context.spec.process->rlimits;
  const oci::Rlimit none{"RLIMIT_CORE", 0, 0, {}};
  auto core = std::ranges::find(limits, none.type, &oci::Rlimit::type);
  const bool absent = core == limits.end();
  if (absent) {
    core = limits.insert(core, none);
  } else if (core->hard == 0 && core->soft == 0) {
    return;
  }
  const std::string before = absent ? "" : json_text(*core);
  core->hard = 0;
  core->soft = 0;
  context.tightened(kRule, "/process/rlimits/" + std::to_string(core - limits.begin()), before, json_text(*core),
                    "no core dumps: they carry memory out of the container");
}

Status clamp(RuleContext& context, oci::Rlimit& limit, std::uint64_t ceiling, const std::string& path) {
  const std::string failure = "process.rlimits: " + limit.type + " " + std::to_string(limit.hard) +
                              " is above this host's hard limit " + std::to_string(ceiling) +
                              ", which only CAP_SYS_RESOURCE may raise";
  TRY(context.require(Control::rlimit_raise, kRule, failure));
  const std::string before = json_text(limit);
  limit.hard = ceiling;
  limit.soft = std::min(limit.soft, ceiling);
  context.dropped(kRule, path, before, json_text(limit), failure);
  return {};
}

}  // namespace

Status harden_rlimits(RuleContext& context) {
  if (!context.spec.process) {
    return {};
  }
  forbid_core_dumps(context);
  if (may_raise_limits(context.facts)) {
    return {};
  }
  auto& limits = context.spec.process->rlimits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const auto fact = context.facts.rlimits.find(limits[i].type);
    if (fact != context.facts.rlimits.end() && limits[i].hard > fact->second.hard) {
      TRY(clamp(context, limits[i], fact->second.hard, "/process/rlimits/" + std::to_string(i)));
    }
  }
  return {};
}

}  // namespace nucleus::hardening
