// Points at which a test can make a launch stop, die or fail. The shipped binary links fault/none.cpp, in which they do
// nothing; nucleus-oci-faults, used by tests only, links fault/env.cpp.
#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus::launch {

// `stage` is "create" (the launcher's steps), "init" (the plan's operations) or "egress" (EgressStep).
[[nodiscard]] Status fault_point(std::string_view stage, std::size_t index);

// After each of these.
enum class EgressStep : std::size_t { listening, socket_open, batch_sent, composed, sockets_reported, following };
[[nodiscard]] inline Status egress_fault(EgressStep step) {
  return fault_point("egress", static_cast<std::size_t>(step));
}

}  // namespace nucleus::launch
