// update: other limits for a container that exists.
#pragma once

#include "oci/spec.hpp"
#include "runtime/launch/container.hpp"

namespace nucleus::launch {

// Lays `change` over the limits in force, hardens the result as at creation, writes what differs into the container's
// cgroup and keeps the result in the state directory, where the next update starts from. When a value is refused, the
// ones written before are taken back, and the error names the file. The device list cannot be changed.
// Errors: "container not running" when it is stopped.
[[nodiscard]] Status update_container(const Container& container, const oci::Resources& change);

}  // namespace nucleus::launch
