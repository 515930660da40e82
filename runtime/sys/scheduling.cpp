#include "runtime/sys/scheduling.hpp"

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <span>
#include <utility>

namespace nucleus::sys {
namespace {

// include/uapi/linux/ioprio.h, which is not C++: it has a parameter called class.
constexpr int kIoPriorityClassShift = 13;
constexpr int kIoPriorityWhoProcess = 1;

constexpr unsigned kLargestNumber = 8191;  // NR_CPUS_MAX of x86_64

template <class T>
using Names = std::span<const std::pair<std::string_view, T>>;

template <class T>
std::optional<T> find(Names<T> names, std::string_view name) {
  for (const auto& [key, value] : names) {
    if (key == name) {
      return value;
    }
  }
  return std::nullopt;
}

// struct sched_attr up to sched_period (SCHED_ATTR_SIZE_VER0); glibc has it only from 2.41 on.
struct RawSchedAttr {
  std::uint32_t size, policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};
static_assert(sizeof(RawSchedAttr) == 48);

using Bitmap = std::vector<unsigned long>;

Bitmap bitmap_of(const std::vector<unsigned>& numbers) {
  constexpr unsigned kBits = sizeof(unsigned long) * CHAR_BIT;
  const unsigned largest = numbers.empty() ? 0 : *std::max_element(numbers.begin(), numbers.end());
  Bitmap bits(largest / kBits + 1);
  for (const unsigned number : numbers) {
    bits[number / kBits] |= 1UL << (number % kBits);
  }
  return bits;
}

}  // namespace

std::optional<std::uint32_t> scheduler_policy(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::uint32_t>, 7> kNames = {{{"SCHED_OTHER", 0},
                                                                                        {"SCHED_FIFO", 1},
                                                                                        {"SCHED_RR", 2},
                                                                                        {"SCHED_BATCH", 3},
                                                                                        {"SCHED_ISO", 4},
                                                                                        {"SCHED_IDLE", 5},
                                                                                        {"SCHED_DEADLINE", 6}}};
  return find<std::uint32_t>(kNames, name);
}

std::optional<std::uint64_t> scheduler_flag(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 7> kNames = {
      {{"SCHED_FLAG_RESET_ON_FORK", 0x01},
       {"SCHED_FLAG_RECLAIM", 0x02},
       {"SCHED_FLAG_DL_OVERRUN", 0x04},
       {"SCHED_FLAG_KEEP_POLICY", 0x08},
       {"SCHED_FLAG_KEEP_PARAMS", 0x10},
       {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
       {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40}}};
  return find<std::uint64_t>(kNames, name);
}

Status set_scheduler(const SchedulerSettings& settings) {
  RawSchedAttr raw{sizeof(RawSchedAttr), settings.policy,  settings.flags,    settings.nice,
                   settings.priority,    settings.runtime, settings.deadline, settings.period};
  if (::syscall(SYS_sched_setattr, 0, &raw, 0) != 0) {
    return fail_errno("sched_setattr");
  }
  return {};
}

std::optional<int> io_priority_class(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, int>, 3> kNames = {
      {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}}};
  return find<int>(kNames, name);
}

Status set_io_priority(int io_class, int priority) {
  // The kernel looks at the low bits only, so a number out of range would silently become another one.
  if (io_class < 0 || io_class > 3 || priority < 0 || priority > 7) {
    return fail_errno("I/O priority " + std::to_string(io_class) + ":" + std::to_string(priority), EINVAL);
  }
  const int value = io_class << kIoPriorityClassShift | priority;
  if (::syscall(SYS_ioprio_set, kIoPriorityWhoProcess, 0, value) != 0) {
    return fail_errno("ioprio_set");
  }
  return {};
}

std::optional<unsigned long> personality_number(std::string_view domain) {
  static constexpr std::array<std::pair<std::string_view, unsigned long>, 2> kNames = {
      {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}}};
  return find<unsigned long>(kNames, domain);
}

Status set_personality(unsigned long value) {
  if (::personality(value) < 0) {
    return fail_errno("personality");
  }
  return {};
}

std::optional<int> memory_policy_mode(std::string_view name) {
  static constexpr int kWeightedInterleave = 6;  // MPOL_WEIGHTED_INTERLEAVE, Linux 6.9
  static constexpr std::array<std::pair<std::string_view, int>, 7> kNames = {
      {{"MPOL_DEFAULT", MPOL_DEFAULT},
       {"MPOL_PREFERRED", MPOL_PREFERRED},
       {"MPOL_BIND", MPOL_BIND},
       {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
       {"MPOL_LOCAL", MPOL_LOCAL},
       {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
       {"MPOL_WEIGHTED_INTERLEAVE", kWeightedInterleave}}};
  return find<int>(kNames, name);
}

std::optional<int> memory_policy_flag(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, int>, 3> kNames = {
      {{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
       {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
       {"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING}}};
  return find<int>(kNames, name);
}

Status set_memory_policy(int mode_and_flags, const std::vector<unsigned>& nodes) {
  const Bitmap mask = bitmap_of(nodes);
  // The kernel takes one bit less than it is told (get_nodes(), mm/mempolicy.c).
  const unsigned long bits = nodes.empty() ? 0 : mask.size() * sizeof(unsigned long) * CHAR_BIT + 1;
  if (::syscall(SYS_set_mempolicy, mode_and_flags, nodes.empty() ? nullptr : mask.data(), bits) != 0) {
    return fail_errno("set_mempolicy");
  }
  return {};
}

std::optional<std::vector<unsigned>> parse_number_list(std::string_view text) {
  std::vector<unsigned> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    unsigned first = 0;
    auto [next, error] = std::from_chars(at, end, first);
    if (error != std::errc() || first > kLargestNumber) {
      return std::nullopt;
    }
    unsigned last = first;
    if (next != end && *next == '-') {
      const auto [range_end, range_error] = std::from_chars(next + 1, end, last);
      if (range_error != std::errc() || last < first || last > kLargestNumber) {
        return std::nullopt;
      }
      next = range_end;
    }
    for (unsigned number = first; number <= last; ++number) {
      numbers.push_back(number);
    }
    if (next == end) {
      std::sort(numbers.begin(), numbers.end());
      numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
      return numbers;
    }
    if (*next != ',' || numbers.size() > 4 * std::size_t{kLargestNumber}) {
      return std::nullopt;
    }
    at = next + 1;
  }
}

Status set_cpu_affinity(pid_t pid, const std::vector<unsigned>& cpus) {
  const Bitmap mask = bitmap_of(cpus);
  if (::syscall(SYS_sched_setaffinity, pid, mask.size() * sizeof(unsigned long), mask.data()) < 0) {
    return fail_errno("sched_setaffinity");
  }
  return {};
}

}  // namespace nucleus::sys
