// User namespace mappings, user_namespaces(7).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/sys/procfs.hpp"

namespace nucleus::sys {

struct IdRange {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
};

// The text of /proc/PID/uid_map: one line per range.
[[nodiscard]] std::string format_id_map(const std::vector<IdRange>& ranges);

struct IdMaps {
  std::vector<IdRange> uids;
  std::vector<IdRange> gids;
};

// Writes uid_map, gid_map and, where an unprivileged caller must, "deny" to setgroups first. A map is one write, once.
// What a user may not write, newuidmap and newgidmap do (id_map_helper.hpp); then `pid` must be an unreaped child.
// Returns whether setgroups(2) stays permitted inside.
[[nodiscard]] Result<bool> write_id_maps(const ProcHandle& proc, pid_t pid, const IdMaps& maps);

// A user namespace without processes that carries `maps`, for id-mapped mounts (MountChange::user_namespace).
[[nodiscard]] Result<UniqueFd> make_user_namespace(const ProcHandle& proc, const IdMaps& maps);

}  // namespace nucleus::sys
