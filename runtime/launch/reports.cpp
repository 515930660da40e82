#include "runtime/launch/reports.hpp"

#include <sys/wait.h>

namespace nucleus::launch {

std::string op_name(const plan::LaunchPlan& plan, std::size_t index) {
  if (index >= plan.init.size()) {
    return "init";
  }
  return "init op " + std::to_string(index + 1) + "/" + std::to_string(plan.init.size()) + " (" +
         plan::describe(plan.init[index]) + ")";
}

std::string describe_report(const plan::LaunchPlan& plan, const Report& report) {
  return op_name(plan, report.op) + ": " + report.detail;
}

Error error_of(const plan::LaunchPlan& plan, const Report& report) {
  Error out = error_of(report);
  out.text = describe_report(plan, report);
  return out;
}

Error error_of(const Report& report) {
  const bool known = report.code <= static_cast<std::uint32_t>(ErrorCode::internal);
  return {known ? static_cast<ErrorCode>(report.code) : ErrorCode::internal, report.sys_errno, report.detail};
}

std::string describe_exit(int wait_status) {
  return WIFSIGNALED(wait_status) ? "signal " + std::to_string(WTERMSIG(wait_status))
                                  : "exit status " + std::to_string(WEXITSTATUS(wait_status));
}

}  // namespace nucleus::launch
