// process.scheduler, ioPriority, execCPUAffinity, linux.personality and linux.memoryPolicy as raw numbers; names are
// translated by the pure core through the tables here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

// struct sched_attr of sched_setattr(2).
struct SchedulerSettings {
  std::uint32_t policy = 0;  // SCHED_*
  std::uint64_t flags = 0;   // SCHED_FLAG_*
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};
[[nodiscard]] std::optional<std::uint32_t> scheduler_policy(std::string_view name);  // "SCHED_BATCH"
[[nodiscard]] std::optional<std::uint64_t> scheduler_flag(std::string_view name);    // "SCHED_FLAG_RECLAIM"
[[nodiscard]] Status set_scheduler(const SchedulerSettings& settings);

[[nodiscard]] std::optional<int> io_priority_class(std::string_view name);  // "IOPRIO_CLASS_BE"
[[nodiscard]] Status set_io_priority(int io_class, int priority);

// "LINUX" or "LINUX32".
[[nodiscard]] std::optional<unsigned long> personality_number(std::string_view domain);
[[nodiscard]] Status set_personality(unsigned long value);

// "MPOL_BIND" and "MPOL_F_STATIC_NODES" of set_mempolicy(2).
[[nodiscard]] std::optional<int> memory_policy_mode(std::string_view name);
[[nodiscard]] std::optional<int> memory_policy_flag(std::string_view name);
[[nodiscard]] Status set_memory_policy(int mode_and_flags, const std::vector<unsigned>& nodes);

// A kernel list as in cpuset(7): "0-3,7". Empty, reversed or absurdly large (over 8191) lists are refused.
[[nodiscard]] std::optional<std::vector<unsigned>> parse_number_list(std::string_view text);
// pid 0 is the caller.
[[nodiscard]] Status set_cpu_affinity(pid_t pid, const std::vector<unsigned>& cpus);

}  // namespace nucleus::sys
