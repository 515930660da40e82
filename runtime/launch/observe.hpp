// A launched process is not dumpable, so that nobody in its namespaces can trace it before it is confined. That closes it
// to its own user as well, who has no capability outside those namespaces. Root needs none of this.
#pragma once

#include "runtime/launch/wire.hpp"

namespace nucleus::launch {

// Asks init, which waits for its start at the other end, to open itself; it stays open until it is told to start, or the
// channel is closed.
[[nodiscard]] Status open_to_owner(const LauncherEnd& channel);

}  // namespace nucleus::launch
