// descriptors.json of an image: what the container's descriptors 0, 1 and 2 were, so that those of the restored one can
// be put in their places. runc's format: a list of names as /proc/PID/fd has them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace nucleus::state {

inline constexpr const char* kDescriptorsFile = "descriptors.json";

[[nodiscard]] std::string descriptors_json(const std::vector<std::string>& names);

// An image may come from anywhere: at most three strings, everything else is ErrorCode::state.
[[nodiscard]] Result<std::vector<std::string>> parse_descriptors(std::string_view json);

}  // namespace nucleus::state
