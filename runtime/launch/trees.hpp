// What is mounted from outside: the rootfs and the sources of bind mounts, as detached clones.
#pragma once

#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/launch/init.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/sys/id_map.hpp"

namespace nucleus::launch {

[[nodiscard]] std::vector<sys::IdRange> id_ranges(const std::vector<oci::IdMapping>& mappings);

// Cloning mounts needs CAP_SYS_ADMIN over one's mount namespace. A launcher without it leaves that to the child, which
// has it in namespaces of its own, and to the files outside still is the caller until its ids change.
enum class TreeMaker : std::uint8_t { launcher, child };

// Fills context.root, a detached clone of the rootfs and what is mounted below it, and context.detached, clones of every
// bind source with attributes, id mapping and propagation set. A launcher id-maps an ephemeral root's image where a new
// user namespace does not hold its owner; a child could not.
[[nodiscard]] Status prepare_trees(InitContext& context, TreeMaker maker);

}  // namespace nucleus::launch
