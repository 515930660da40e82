// The launcher's kernel work before and at clone3: the namespaces to be joined, and the child, born in its new ones.
#pragma once

#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/launch/init.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::launch {

// Opened and checked: of the right kind, and not the runtime's own unless `host_allowed` names its type (law 1 is
// decided on a path; this decides on what the path really led to). The runtime's own mount namespace is never joined.
[[nodiscard]] Result<std::vector<UniqueFd>> open_namespaces(const std::vector<plan::JoinNamespace>& join,
                                                            const std::vector<std::string>& host_allowed);

// Makes the child; in it, run_init(context) is called and never returns. `clone_fd`: v2 cgroup to be born in, or -1.
[[nodiscard]] Result<sys::Child> spawn(InitContext& context, int clone_fd);

// uid_map, gid_map of the new child's user namespace.
[[nodiscard]] Status map_ids(const plan::NamespacePlan& namespaces, int pid);

}  // namespace nucleus::launch
