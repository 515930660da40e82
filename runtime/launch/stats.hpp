// What a container uses, read from its cgroup.
#pragma once

#include "oci/stats.hpp"
#include "runtime/sys/cgroup.hpp"

namespace nucleus::launch {

// Zeros where the host has no such file.
[[nodiscard]] oci::Stats read_stats(const sys::CgroupHandle& cgroup);

}  // namespace nucleus::launch
