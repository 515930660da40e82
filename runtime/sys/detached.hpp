// Small processes that serve a container from outside and outlive whoever started them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

// Starts `body` in a process that is nobody's child here (forked twice), and returns its pid once it has said that it is
// ready. `body` gets the pipe for report_ready() and must not return. Any failure is an error that begins with `what`, and
// then the process is killed. The caller must be single-threaded.
[[nodiscard]] Result<pid_t> start_detached(const std::string& what, const std::function<void(int ready)>& body);

// What the process says: nothing but that it is ready, or why it is not. Closes `pipe`.
void report_ready(int pipe, std::string_view error);

// In the process: default signals (SIGPIPE and SIGXFSZ ignored), /dev/null as 0, 1 and 2, every descriptor closed that is not in `keep`
// (none of those below 3), a session of its own, the working directory /, umask 077, `name` as its name, no core dumps, at
// most `open_files` descriptors.
[[nodiscard]] Status detach_process(const char* name, std::span<const int> keep, std::uint64_t open_files);

}  // namespace nucleus::sys
