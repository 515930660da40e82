// A container or exec'd process in the foreground of the command line: signals forwarded, terminal relayed.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::launch {

// Keeps the signals that wait_in_foreground() forwards until then: called before a process starts, so that none of them
// ends the runtime while the process runs.
void hold_signals();

// Waits for the child `pid` and reaps it. `console` (may be empty) is a terminal's master to relay. Forwards signals
// sent to the caller. Returns the exit status as a shell has it: 0..255, 128+signal.
[[nodiscard]] Result<int> wait_in_foreground(int pid, UniqueFd console);

}  // namespace nucleus::launch
