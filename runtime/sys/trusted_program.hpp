// Programs of the system that the runtime runs with its own rights. Never looked for in PATH.
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

// O_PATH handle on `path`, for execveat(2) with AT_EMPTY_PATH: what was checked is what runs. Errors: ENOENT and the like
// of open(2); ErrorCode::kernel when it is no executable file of root's, or others than root can write it.
[[nodiscard]] Result<UniqueFd> open_trusted_program(const std::string& path);

}  // namespace nucleus::sys
