#include "runtime/sys/limits.hpp"

#include <sys/resource.h>

#include <string>

namespace nucleus::sys {
namespace {

std::string name_of(int number) {
  for (const auto& entry : rlimit_names()) {
    if (entry.number == number) {
      return std::string(entry.name);
    }
  }
  return "rlimit " + std::to_string(number);
}

// glibc's parameter type in C++.
enum __rlimit_resource resource_of(int number) { return static_cast<enum __rlimit_resource>(number); }

}  // namespace

const std::array<RlimitName, 16>& rlimit_names() {
  static constexpr std::array<RlimitName, 16> kNames = {{{"RLIMIT_AS", RLIMIT_AS},
                                                         {"RLIMIT_CORE", RLIMIT_CORE},
                                                         {"RLIMIT_CPU", RLIMIT_CPU},
                                                         {"RLIMIT_DATA", RLIMIT_DATA},
                                                         {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                                                         {"RLIMIT_LOCKS", __RLIMIT_LOCKS},
                                                         {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
                                                         {"RLIMIT_MSGQUEUE", __RLIMIT_MSGQUEUE},
                                                         {"RLIMIT_NICE", __RLIMIT_NICE},
                                                         {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                                                         {"RLIMIT_NPROC", RLIMIT_NPROC},
                                                         {"RLIMIT_RSS", RLIMIT_RSS},
                                                         {"RLIMIT_RTPRIO", __RLIMIT_RTPRIO},
                                                         {"RLIMIT_RTTIME", __RLIMIT_RTTIME},
                                                         {"RLIMIT_SIGPENDING", __RLIMIT_SIGPENDING},
                                                         {"RLIMIT_STACK", RLIMIT_STACK}}};
  return kNames;
}

std::optional<int> rlimit_number(std::string_view name) {
  for (const auto& entry : rlimit_names()) {
    if (entry.name == name) {
      return entry.number;
    }
  }
  return std::nullopt;
}

Result<RlimitFact> get_rlimit(pid_t pid, int number) {
  rlimit64 now{};
  if (::prlimit64(pid, resource_of(number), nullptr, &now) != 0) {
    return fail_errno("read " + name_of(number));
  }
  return RlimitFact{now.rlim_cur, now.rlim_max};
}

Status set_rlimit(pid_t pid, int number, const RlimitFact& value) {
  const rlimit64 wanted{value.soft, value.hard};
  if (::prlimit64(pid, resource_of(number), &wanted, nullptr) != 0) {
    return fail_errno("set " + name_of(number) + " to " + std::to_string(value.soft) + ":" +
                      std::to_string(value.hard));
  }
  return {};
}

Status set_oom_score_adj(const ProcHandle& proc, int value) {
  return proc.write("self/oom_score_adj", std::to_string(value));
}

}  // namespace nucleus::sys
