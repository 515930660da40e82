// Where things are when the command line does not say: root's places, or those of the user.
#pragma once

#include <string>

#include "runtime/base/result.hpp"

namespace nucleus::cli {

// The state root. Root's is /run/nucleus. A user's, and that of the root of a user namespace (rootless podman), is
// $XDG_RUNTIME_DIR/nucleus; where that directory is not the user's alone, or not said, /run/user/UID/nucleus or
// /tmp/nucleus-UID, with the host's number for the user. An error when somebody else sits on the last one. Makes nothing.
[[nodiscard]] Result<std::string> default_root();

// For the first that writes there: makes /tmp/nucleus-UID, if that is what `root` is, the user's alone. Other roots are made
// where they are used, below directories that no other user writes to.
[[nodiscard]] Status prepare_root(const std::string& root);

// The host configuration. A user may have one of their own, $XDG_CONFIG_HOME/nucleus/nucleus.toml or
// ~/.config/nucleus/nucleus.toml; else, and for root, /etc/nucleus/nucleus.toml.
[[nodiscard]] std::string default_config();

}  // namespace nucleus::cli
