// A container's statistics: the texts of its cgroup's files -> oci::Stats. Pure but for collect_stats().
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/stats.hpp"
#include "runtime/sys/cgroup.hpp"

namespace nucleus::launch {

// The content of a file of a controller; nothing where the host has no such file.
using CgroupReader = std::function<std::optional<std::string>(const std::string& controller, const std::string& file)>;

// Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst. What is missing or unreadable counts as 0, as with runc: a
// controller may be absent, and a limit "max" is the largest number. `huge_pages`: sizes as "2MB".
[[nodiscard]] oci::Stats stats_v1(const CgroupReader& read, const std::vector<std::string>& huge_pages);
[[nodiscard]] oci::Stats stats_v2(const CgroupReader& read, const std::vector<std::string>& huge_pages);

// "hugepages-2048kB", a directory of /sys/kernel/mm/hugepages -> "2MB"; "" for another name.
[[nodiscard]] std::string huge_page_size(std::string_view directory);

[[nodiscard]] oci::Stats collect_stats(const sys::CgroupHandle& cgroup);

}  // namespace nucleus::launch
