#include "runtime/launch/observe.hpp"

namespace nucleus::launch {

Status open_to_owner(const LauncherEnd& channel) {
  TRY(channel.order(Order::observe));
  TRY_ASSIGN(const auto answer, channel.receive());
  return answer && answer->report.kind == ReportKind::ready
             ? Status{}
             : fail(ErrorCode::kernel, "the container's init ended, or does not let itself be observed");
}

}  // namespace nucleus::launch
