// What the launched process reported, as text for people.
#pragma once

#include <string>

#include "runtime/launch/wire.hpp"
#include "runtime/plan/plan.hpp"

namespace nucleus::launch {

// "init op 12/31 (mount proc on /proc)".
[[nodiscard]] std::string op_name(const plan::LaunchPlan& plan, std::size_t index);

// "init op 12/31 (mount proc on /proc): permission denied": the name comes from the launcher's own copy of the plan.
[[nodiscard]] std::string describe_report(const plan::LaunchPlan& plan, const Report& report);

[[nodiscard]] Error error_of(const plan::LaunchPlan& plan, const Report& report);
// The same where the plan is gone (`start` in another process): the process's own words.
[[nodiscard]] Error error_of(const Report& report);

// "exit status 3", "signal 9".
[[nodiscard]] std::string describe_exit(int wait_status);

}  // namespace nucleus::launch
