// newuidmap(1) and newgidmap(1): what lets a user map the ids that /etc/subuid and /etc/subgid give to it.
#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/sys/id_map.hpp"

namespace nucleus::sys {

enum class IdKind : std::uint8_t { user, group };

// Writes the map of `pid` through the set-user-ID helper, which is looked for at fixed places (never in PATH) and must
// belong to root and be writable by nobody else. `pid` must be a child that was not waited for yet.
// Errors: the helper's own words, and where to look.
[[nodiscard]] Status write_id_map_by_helper(IdKind kind, pid_t pid, const std::vector<IdRange>& ranges);

}  // namespace nucleus::sys
