// What a launch and a restore write down alike: the record before there is a process, and the decision that `exec`,
// `receipt` and `start` go by later.
#pragma once

#include "runtime/launch/launch.hpp"

namespace nucleus::launch {

// Without pid, start time and cgroup.
[[nodiscard]] state::Record intended_record(const LaunchInput& input, const ContainerId& id);

[[nodiscard]] Status write_decision(const state::Directory& directory, const LaunchInput& input);

}  // namespace nucleus::launch
