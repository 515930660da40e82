// The words of linux.memoryPolicy (config-linux.md "Memory policy"), sorted; read by validation and by `features`.
#pragma once

#include <array>
#include <string_view>

namespace nucleus::oci {

inline constexpr std::array<std::string_view, 7> kMemoryPolicyModes = {
    "MPOL_BIND",      "MPOL_DEFAULT",        "MPOL_INTERLEAVE",         "MPOL_LOCAL",
    "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"};

inline constexpr std::array<std::string_view, 3> kMemoryPolicyFlags = {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES",
                                                                       "MPOL_F_STATIC_NODES"};

}  // namespace nucleus::oci
