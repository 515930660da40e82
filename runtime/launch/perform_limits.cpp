#include <algorithm>

#include "runtime/launch/performer.hpp"
#include "runtime/sys/limits.hpp"
#include "runtime/sys/scheduling.hpp"

namespace nucleus::launch {
namespace {

tl::unexpected<Error> unknown(const std::string& what, const std::string& name) {
  return fail(ErrorCode::invalid_config, "unknown " + what + " \"" + name + "\"");
}

constexpr std::uint64_t kAslrOff = 0x0040000;  // ADDR_NO_RANDOMIZE, the only flag the spec's examples name

}  // namespace

// A hard limit that cannot be raised is lowered to what there is, so that a warning is the truth: the limit that holds
// is never above the one asked for.
Status Performer::operator()(const plan::SetRlimit& op) const {
  const auto number = sys::rlimit_number(op.limit.type);
  if (!number) {
    return unknown("rlimit", op.limit.type);
  }
  const RlimitFact wanted{op.limit.soft, op.limit.hard};
  Status set = sys::set_rlimit(0, *number, wanted);
  if (!set) {
    TRY_ASSIGN(const RlimitFact now, sys::get_rlimit(0, *number));
    const RlimitFact possible{std::min(wanted.soft, now.hard), std::min(wanted.hard, now.hard)};
    TRY(sys::set_rlimit(0, *number, possible));
  }
  return set;
}

Status Performer::operator()(const plan::SetOomScore& op) const {
  TRY_ASSIGN(const auto* proc, proc_of(context));
  Status set = sys::set_oom_score_adj(*proc, op.value);
  const auto now = proc->read("self/oom_score_adj");
  return !set && now && *now == std::to_string(op.value) + "\n" ? Status{} : set;
}

void apply_oom_score(const plan::LaunchPlan& plan) {
  for (const auto& op : plan.init) {
    if (const auto* score = std::get_if<plan::SetOomScore>(&op.action)) {
      const auto proc = sys::ProcHandle::open();
      static_cast<void>(proc && sys::set_oom_score_adj(*proc, score->value));
    }
  }
}

Status Performer::operator()(const plan::SetScheduler& op) const {
  const auto policy = sys::scheduler_policy(op.scheduler.policy);
  if (!policy) {
    return unknown("scheduler policy", op.scheduler.policy);
  }
  sys::SchedulerSettings settings;
  settings.policy = *policy;
  settings.nice = op.scheduler.nice;
  settings.priority = static_cast<std::uint32_t>(op.scheduler.priority);
  settings.runtime = op.scheduler.runtime;
  settings.deadline = op.scheduler.deadline;
  settings.period = op.scheduler.period;
  for (const auto& name : op.scheduler.flags) {
    const auto flag = sys::scheduler_flag(name);
    if (!flag) {
      return unknown("scheduler flag", name);
    }
    settings.flags |= *flag;
  }
  return sys::set_scheduler(settings);
}

Status Performer::operator()(const plan::SetIoPriority& op) const {
  const auto io_class = sys::io_priority_class(op.priority.io_class);
  return io_class ? sys::set_io_priority(*io_class, op.priority.priority)
                  : Status(unknown("io priority class", op.priority.io_class));
}

Status Performer::operator()(const plan::SetPersonality& op) const {
  const auto domain = sys::personality_number(op.personality.domain);
  if (!domain) {
    return unknown("personality", op.personality.domain);
  }
  unsigned long value = *domain;
  for (const auto& flag : op.personality.flags) {
    if (flag != "ADDR_NO_RANDOMIZE") {
      return unknown("personality flag", flag);
    }
    value |= kAslrOff;
  }
  return sys::set_personality(value);
}

Status Performer::operator()(const plan::SetMemoryPolicy& op) const {
  const auto mode = sys::memory_policy_mode(op.policy.mode);
  if (!mode) {
    return unknown("memory policy", op.policy.mode);
  }
  int flags = *mode;
  for (const auto& name : op.policy.flags) {
    const auto flag = sys::memory_policy_flag(name);
    if (!flag) {
      return unknown("memory policy flag", name);
    }
    flags |= *flag;
  }
  std::vector<unsigned> nodes;
  if (!op.policy.nodes.empty()) {
    const auto parsed = sys::parse_number_list(op.policy.nodes);
    if (!parsed) {
      return unknown("memory policy node list", op.policy.nodes);
    }
    nodes = *parsed;
  }
  return sys::set_memory_policy(flags, nodes);
}

Status Performer::operator()(const plan::SetCpuAffinity& op) const {
  const auto cpus = sys::parse_number_list(op.cpus);
  return cpus ? sys::set_cpu_affinity(0, *cpus) : Status(unknown("cpu list", op.cpus));
}

}  // namespace nucleus::launch
