// The seccomp notification listener (config-linux.md "The Container Process State").
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/launch/container.hpp"

namespace nucleus::launch {

// Sends the listener to linux.seccomp.listenerPath with the container process state as data.
[[nodiscard]] Status hand_over_listener(const Container& container, UniqueFd listener);

}  // namespace nucleus::launch
