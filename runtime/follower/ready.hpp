// What a follower says to who started it, over a pipe: its pid, then one zero byte when it serves, or why it does not.
#pragma once

#include <string_view>

namespace nucleus::follower {

// Closes `pipe`; -1: nobody listens.
void report_ready(int pipe, std::string_view error);

}  // namespace nucleus::follower
