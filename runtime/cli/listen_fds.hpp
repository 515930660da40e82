// Socket activation, sd_listen_fds(3): descriptors from 3 on that were handed to this very process.
#pragma once

#include <sys/types.h>

namespace nucleus::cli {

// How many, by LISTEN_FDS and LISTEN_PID (null: not set); 0 when they are meant for another process or make no sense.
[[nodiscard]] unsigned listen_descriptors(const char* fds, const char* pid, pid_t self);

}  // namespace nucleus::cli
