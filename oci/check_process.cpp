// config.md "Process" and "Linux process".
#include <array>

#include "oci/checks.hpp"
#include "runtime/base/capability.hpp"

namespace nucleus::oci::checks {
namespace {

constexpr std::array<std::string_view, 16> kRlimits = {
    "RLIMIT_AS",      "RLIMIT_CORE",     "RLIMIT_CPU",        "RLIMIT_DATA",   "RLIMIT_FSIZE", "RLIMIT_LOCKS",
    "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE",       "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS",
    "RLIMIT_RTPRIO",  "RLIMIT_RTTIME",   "RLIMIT_SIGPENDING", "RLIMIT_STACK"};

constexpr std::array<std::string_view, 7> kSchedulerPolicies = {
    "SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"};

constexpr std::array<std::string_view, 7> kSchedulerFlags = {
    "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM",        "SCHED_FLAG_DL_OVERRUN",    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",   "SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX"};

constexpr std::array<std::string_view, 3> kIoClasses = {"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"};

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

bool outside(std::int64_t value, std::int64_t least, std::int64_t most) { return value < least || value > most; }

// sched(7): static priorities belong to the real-time policies, the three times to SCHED_DEADLINE.
Status scheduler_values(const Scheduler& scheduler) {
  const bool realtime = scheduler.policy == "SCHED_FIFO" || scheduler.policy == "SCHED_RR";
  if (outside(scheduler.nice, -20, 19)) {
    return invalid("process.scheduler.nice", "must be in -20..19");
  }
  if (realtime ? outside(scheduler.priority, 1, 99) : scheduler.priority != 0) {
    return invalid("process.scheduler.priority", "must be 1..99 for SCHED_FIFO and SCHED_RR, 0 otherwise");
  }
  const bool has_times = scheduler.runtime != 0 || scheduler.deadline != 0 || scheduler.period != 0;
  if (scheduler.policy != "SCHED_DEADLINE") {
    return has_times ? Status(invalid("process.scheduler", "runtime, deadline and period need SCHED_DEADLINE"))
                     : Status{};
  }
  const std::uint64_t period = scheduler.period == 0 ? scheduler.deadline : scheduler.period;
  if (scheduler.runtime == 0 || scheduler.runtime > scheduler.deadline || scheduler.deadline > period) {
    return invalid("process.scheduler", "SCHED_DEADLINE needs 0 < runtime <= deadline <= period");
  }
  return {};
}

}  // namespace

Status process_args(const Process& process) {
  if (process.args.empty()) {
    return invalid("process.args", "must not be empty");
  }
  if (process.args[0].empty()) {
    return invalid("process.args[0]", "must not be empty");
  }
  for (std::size_t i = 0; i < process.args.size(); ++i) {
    if (has_nul(process.args[i])) {
      return invalid(element("process.args", i), "must not contain NUL");
    }
  }
  return {};
}

// A ".." here would be resolved inside the container, after the pivot: harmless, and runc accepts it.
Status process_cwd(const Process& process) {
  if (process.cwd.empty()) {
    return invalid("process.cwd", "must not be empty");
  }
  if (!process.cwd.starts_with('/') || has_nul(process.cwd)) {
    return invalid("process.cwd", "must be an absolute path, got " + quote(process.cwd));
  }
  return {};
}

// A name without "=" is accepted, as runc does; what execve(2) could not carry is not.
Status process_env(const Process& process) {
  for (std::size_t i = 0; i < process.env.size(); ++i) {
    const std::string& variable = process.env[i];
    if (variable.empty() || variable.front() == '=') {
      return invalid(element("process.env", i), "has no name");
    }
    if (has_nul(variable)) {
      return invalid(element("process.env", i), "must not contain NUL");
    }
  }
  return {};
}

Status process_user(const Process& process) {
  constexpr std::uint32_t kInvalidId = 0xffffffffU;  // "leave unchanged" in setresuid(2)
  const User& user = process.user;
  if (user.uid == kInvalidId) {
    return invalid("process.user.uid", "4294967295 is not an id");
  }
  if (user.gid == kInvalidId) {
    return invalid("process.user.gid", "4294967295 is not an id");
  }
  for (std::size_t i = 0; i < user.additional_gids.size(); ++i) {
    if (user.additional_gids[i] == kInvalidId) {
      return invalid(element("process.user.additionalGids", i), "4294967295 is not an id");
    }
  }
  if (user.umask.value_or(0) > 0777) {
    return invalid("process.user.umask", "must be at most 0777 (511)");
  }
  return {};
}

Status process_capabilities(const Process& process) {
  if (!process.capabilities) {
    return {};
  }
  const Capabilities& sets = *process.capabilities;
  TRY(known_names("process.capabilities.bounding", "capability", sets.bounding, kCapabilityNames));
  TRY(known_names("process.capabilities.effective", "capability", sets.effective, kCapabilityNames));
  TRY(known_names("process.capabilities.inheritable", "capability", sets.inheritable, kCapabilityNames));
  TRY(known_names("process.capabilities.permitted", "capability", sets.permitted, kCapabilityNames));
  return known_names("process.capabilities.ambient", "capability", sets.ambient, kCapabilityNames);
}

Status process_rlimits(const Process& process) {
  const auto& limits = process.rlimits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const std::string path = element("process.rlimits", i);
    TRY(known_name(path + ".type", "rlimit", limits[i].type, kRlimits));
    const auto same = [&](const Rlimit& other) { return other.type == limits[i].type; };
    if (std::any_of(limits.begin(), limits.begin() + static_cast<std::ptrdiff_t>(i), same)) {
      return invalid(path + ".type", "duplicate " + quote(limits[i].type));
    }
    if (limits[i].soft > limits[i].hard) {
      return invalid(path + ".soft", "must not exceed the hard limit");
    }
  }
  return {};
}

Status process_oom_score(const Process& process) {
  if (outside(process.oom_score_adj.value_or(0), -1000, 1000)) {
    return invalid("process.oomScoreAdj", "must be in -1000..1000");
  }
  return {};
}

Status process_scheduler(const Process& process) {
  if (!process.scheduler) {
    return {};
  }
  TRY(known_name("process.scheduler.policy", "policy", process.scheduler->policy, kSchedulerPolicies));
  TRY(known_names("process.scheduler.flags", "flag", process.scheduler->flags, kSchedulerFlags));
  return scheduler_values(*process.scheduler);
}

Status process_io_priority(const Process& process) {
  if (!process.io_priority) {
    return {};
  }
  TRY(known_name("process.ioPriority.class", "class", process.io_priority->io_class, kIoClasses));
  if (outside(process.io_priority->priority, 0, 7)) {
    return invalid("process.ioPriority.priority", "must be in 0..7");
  }
  return {};
}

Status process_cpu_affinity(const Process& process) {
  if (!process.exec_cpu_affinity) {
    return {};
  }
  if (!is_number_list(process.exec_cpu_affinity->initial)) {
    return invalid("process.execCPUAffinity.initial", "not a CPU list: " + quote(process.exec_cpu_affinity->initial));
  }
  if (!is_number_list(process.exec_cpu_affinity->final)) {
    return invalid("process.execCPUAffinity.final", "not a CPU list: " + quote(process.exec_cpu_affinity->final));
  }
  return {};
}

}  // namespace nucleus::oci::checks
