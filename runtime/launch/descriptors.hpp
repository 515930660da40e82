// Which descriptors survive: nothing that the caller or the set-up left open may reach a container (CVE-2024-21626).
#pragma once

#include <vector>

#include "runtime/base/result.hpp"

namespace nucleus::launch {

// Closes every descriptor from `first` on except those in `keep` (negative entries are ignored).
[[nodiscard]] Status close_except(unsigned first, std::vector<int> keep);

// For the start of create, run and exec: closes what the caller leaked, and checks that descriptors 3..3+preserve-1
// are open, so that no descriptor of ours can land on a number that will be handed to the container.
[[nodiscard]] Status sanitize_descriptors(unsigned preserve);

}  // namespace nucleus::launch
