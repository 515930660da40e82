// Resource limits of a process, setrlimit(2), and its OOM score.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/base/host_facts.hpp"
#include "runtime/base/result.hpp"
#include "runtime/sys/procfs.hpp"

namespace nucleus::sys {

struct RlimitName {
  std::string_view name;  // "RLIMIT_NOFILE"
  int number = 0;
};
[[nodiscard]] const std::array<RlimitName, 16>& rlimit_names();
[[nodiscard]] std::optional<int> rlimit_number(std::string_view name);

// pid 0 is the caller.
[[nodiscard]] Result<RlimitFact> get_rlimit(pid_t pid, int number);
// EPERM: the hard limit would rise without CAP_SYS_RESOURCE. EINVAL: soft above hard.
[[nodiscard]] Status set_rlimit(pid_t pid, int number, const RlimitFact& value);

// -1000..1000. Lowering needs CAP_SYS_RESOURCE (EACCES).
[[nodiscard]] Status set_oom_score_adj(const ProcHandle& proc, int value);

}  // namespace nucleus::sys
