// The words of linux.namespaces[].type, sorted; read by validation and by `features`.
#pragma once

#include <array>
#include <string_view>

namespace nucleus::oci {

inline constexpr std::array<std::string_view, 8> kNamespaceTypes = {"cgroup", "ipc",  "mount", "network",
                                                                    "pid",    "time", "user",  "uts"};

}  // namespace nucleus::oci
