// Which namespaces separate a container from the runtime.
#pragma once

#include <cstdint>

#include "runtime/base/result.hpp"

namespace nucleus::launch {

// CLONE_NEW* of those that process `pid` does not share with the caller: joining one's own is refused by the kernel for
// some kinds.
[[nodiscard]] Result<std::uint64_t> foreign_namespaces(int pid);

}  // namespace nucleus::launch
