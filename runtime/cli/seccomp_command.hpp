// The parts of `seccomp`: each gets its arguments with the options wherever they stood.
#pragma once

#include "runtime/cli/command.hpp"

namespace nucleus::cli {

// seccomp_trace.cpp: runs a bundle with its system calls recorded; the exit status is the program's.
[[nodiscard]] Result<int> trace_command(const Globals& globals, const Arguments& arguments);

// seccomp_profiles.cpp: files in, a profile or what it is about out.
[[nodiscard]] Result<int> generate_command(const Globals& globals, const Arguments& arguments);
[[nodiscard]] Result<int> merge_command(const Globals& globals, const Arguments& arguments);
[[nodiscard]] Result<int> diff_command(const Globals& globals, const Arguments& arguments);
[[nodiscard]] Result<int> coverage_command(const Globals& globals, const Arguments& arguments);

}  // namespace nucleus::cli
