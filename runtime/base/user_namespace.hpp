// user_namespaces(7): whose root is this process, if it is one?
#pragma once

#include <string_view>

namespace nucleus {

// The text of /proc/PID/uid_map in the initial user namespace, which maps everything onto itself.
[[nodiscard]] bool is_identity_map(std::string_view text);

// This process runs in another than the initial user namespace. Also true when /proc cannot tell: nobody is then taken
// for the host's root.
[[nodiscard]] bool in_user_namespace();

}  // namespace nucleus
