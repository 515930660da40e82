// "Container Process State" (config-linux.md): what goes to a seccomp agent together with the listener.
#pragma once

#include <string>

namespace nucleus::state {

// `container_state` is the JSON text of the container's state document.
[[nodiscard]] std::string process_state_json(int pid, const std::string& metadata, const std::string& container_state);

}  // namespace nucleus::state
