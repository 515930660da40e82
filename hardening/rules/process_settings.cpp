// no_new_privs, the personality, and the oom score that the host lets us set.
#include <algorithm>

#include "hardening/json_text.hpp"
#include "hardening/rules/limits.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "process";

void set_no_new_privileges(RuleContext& context) {
  oci::Process& process = *context.spec.process;
  if (process.no_new_privileges ||
      context.lifted(kRule, GrantKind::new_privileges, "", "/process/noNewPrivileges", json_bool(false),
                     "programs may gain privileges by set-user-ID bits and file capabilities")) {
    return;
  }
  process.no_new_privileges = true;
  context.tightened(kRule, "/process/noNewPrivileges", json_bool(false), json_bool(true),
                    "set-user-ID bits and file capabilities give nothing");
}

void randomize_addresses(RuleContext& context) {
  auto& personality = context.spec.linux.personality;
  if (!personality) {
    return;
  }
  const auto before = personality->flags;
  if (std::erase(personality->flags, "ADDR_NO_RANDOMIZE") > 0) {
    context.tightened(kRule, "/linux/personality/flags", json_text(before), json_text(personality->flags),
                      "address space layout randomisation stays on");
  }
}

// proc_pid_oom_score_adj(5): below the present value only with CAP_SYS_RESOURCE.
Status limit_oom_score(RuleContext& context) {
  auto& score = context.spec.process->oom_score_adj;
  const auto& own = context.facts.oom_score_adj;
  if (!score || !own || *score >= *own || may_raise_limits(context.facts)) {
    return {};
  }
  const std::string failure = "process.oomScoreAdj " + std::to_string(*score) + " is below the runtime's own " +
                              std::to_string(*own) + ", which needs CAP_SYS_RESOURCE";
  TRY(context.require(Control::rlimit_raise, kRule, failure));
  context.dropped(kRule, "/process/oomScoreAdj", json_text(*score), json_text(*own), failure);
  score = own;
  return {};
}

}  // namespace

Status harden_process_settings(RuleContext& context) {
  if (context.spec.process) {
    set_no_new_privileges(context);
    TRY(limit_oom_score(context));
  }
  randomize_addresses(context);
  return {};
}

}  // namespace nucleus::hardening
