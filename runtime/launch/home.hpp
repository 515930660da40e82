// HOME for a process whose environment does not set it. Engines leave it to the runtime, because only the container's
// own /etc/passwd knows the answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nucleus::launch {

// The home directory that passwd(5) text gives to `uid`; "/" where it gives none, as runc has it.
[[nodiscard]] std::string home_in(std::string_view passwd, std::uint32_t uid);

// The same from /etc/passwd of the calling process's root. The file is the image's: anything odd about it (a FIFO, a
// device, a magic link, megabytes) means "/".
[[nodiscard]] std::string home_directory(std::uint32_t uid);

}  // namespace nucleus::launch
