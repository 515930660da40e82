// The policy sets of policies/*, compiled into the binary (cmake/EmbedFiles.cmake), so that the runtime needs no data
// directory.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace nucleus::hardening {

// The bytes of policies/SET/FILE as they were at build time; nullopt when there is no such file. Static lifetime.
[[nodiscard]] std::optional<std::string_view> shipped_file(std::string_view set, std::string_view file);

// Names of the sets, sorted.
[[nodiscard]] std::vector<std::string_view> shipped_sets();

}  // namespace nucleus::hardening
