// Session keyrings, keyrings(7): a container must not see the keys of the engine that started it.
#pragma once

#include <string>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

enum class KeyringSupport { required, optional };

// Joins a new session keyring called `name`. With `optional`, a kernel without keyrings (ENOSYS) or a filter or quota
// that forbids them (EPERM, EDQUOT) counts as done.
[[nodiscard]] Status join_new_session_keyring(const std::string& name, KeyringSupport support);

}  // namespace nucleus::sys
