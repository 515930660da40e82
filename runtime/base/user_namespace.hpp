// user_namespaces(7): whose root is this process, if it is one?
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace nucleus {

// The text of /proc/PID/uid_map in the initial user namespace, which maps everything onto itself.
[[nodiscard]] bool is_identity_map(std::string_view text);

// What `id` is called outside by the text of /proc/self/uid_map: in the parent user namespace. nullopt for one that is not
// mapped.
[[nodiscard]] std::optional<std::uint32_t> id_outside(std::string_view map, std::uint32_t id);

// The effective user by the name that the host has for it (the parent namespace, where they are nested); by the own name
// where /proc cannot tell.
[[nodiscard]] std::uint32_t user_outside();

// This process runs in another than the initial user namespace. Also true when /proc cannot tell: nobody is then taken
// for the host's root.
[[nodiscard]] bool in_user_namespace();

}  // namespace nucleus
