// Points at which a test can make a launch stop, die or fail. The shipped binary links fault/none.cpp, in which they do
// nothing; nucleus-oci-faults, used by tests only, links fault/env.cpp.
#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus::launch {

// `stage` is "create" (the launcher's steps) or "init" (the plan's operations).
[[nodiscard]] Status fault_point(std::string_view stage, std::size_t index);

}  // namespace nucleus::launch
