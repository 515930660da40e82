// Walks through the cgroups below one. A workload that owns a part of them nests as deep as it likes, so the walk uses the
// same few descriptors and no more stack at any depth.
#pragma once

#include <functional>
#include <string>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

// `visit` for the directory and every one below it, parents first. What vanishes meanwhile is passed over; any other
// directory that cannot be opened or listed is an error.
[[nodiscard]] Status visit_tree(int dir, const std::function<Status(int dir)>& visit);

// Removes the directory with everything below, deepest first. The error is the first that a removal met (EBUSY: processes);
// a missing one is fine.
[[nodiscard]] Status remove_tree(int parent, const std::string& name);

}  // namespace nucleus::sys
