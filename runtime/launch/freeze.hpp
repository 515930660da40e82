// pause and resume: the container's cgroup is frozen as a whole, so that no process can react to it or outrun it.
#pragma once

#include "runtime/launch/container.hpp"

namespace nucleus::launch {

// Returns when every process is frozen. Errors, runc's texts: "container not running" for one that is paused, stopped
// or still being created. A created one can be paused; it then waits for `resume` before it can be started.
[[nodiscard]] Status pause_container(const Container& container);

// Error: "container not paused".
[[nodiscard]] Status resume_container(const Container& container);

// Whether the recorded cgroup is frozen; opens nothing but the hierarchy that has the freezer.
[[nodiscard]] bool is_frozen(const state::Record& record);

// Of the hierarchy that has the freezer; "": the container has none.
[[nodiscard]] std::string freezer_directory(const state::Record& record);

}  // namespace nucleus::launch
