// Real-time scheduling, a real-time I/O class, a negative nice value: a container could starve the host with each.
#include <algorithm>
#include <array>

#include "hardening/json_text.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::array<std::string_view, 3> kRealtime = {"SCHED_FIFO", "SCHED_RR", "SCHED_DEADLINE"};

Result<bool> request(RuleContext& context, std::string path, std::string before) {
  return context.request({"scheduling", GrantKind::realtime, "", Control::beyond_policy, std::move(path),
                          std::move(before), "it would run before everything else on the host"});
}

}  // namespace

Status harden_scheduling(RuleContext& context) {
  if (!context.spec.process) {
    return {};
  }
  oci::Process& process = *context.spec.process;
  if (process.scheduler &&
      (std::ranges::count(kRealtime, process.scheduler->policy) != 0 || process.scheduler->nice < 0)) {
    const std::string before = json_text(process.scheduler->policy);
    TRY_ASSIGN(const bool granted, request(context, "/process/scheduler", before));
    if (!granted) {
      process.scheduler.reset();
    }
  }
  if (process.io_priority && process.io_priority->io_class == "IOPRIO_CLASS_RT") {
    const std::string before = json_text(process.io_priority->io_class);
    TRY_ASSIGN(const bool granted, request(context, "/process/ioPriority", before));
    if (!granted) {
      process.io_priority.reset();
    }
  }
  return {};
}

}  // namespace nucleus::hardening
