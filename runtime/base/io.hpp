// Whole-file reads and writes on descriptors: bounded, EINTR-proof, never following what a caller did not open.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus {

// Opens `path` below `dirfd` (AT_FDCWD for the working directory) with O_CLOEXEC added to `flags`.
[[nodiscard]] Result<UniqueFd> open_at(int dirfd, const std::string& path, int flags, unsigned mode = 0);

// Reads to the end; more than `limit` bytes is an error that names `what`.
[[nodiscard]] Result<std::string> read_all(int fd, std::size_t limit, std::string_view what);

// Opens and reads a whole regular file (those of procfs, sysfs and cgroups are). Everything else is refused: a FIFO
// would block or read as empty.
[[nodiscard]] Result<std::string> read_file(int dirfd, const std::string& path, std::size_t limit);

[[nodiscard]] Status write_all(int fd, std::string_view bytes, std::string_view what);

// Replaces `name` in `dirfd` whole or not at all: temporary file, fdatasync when `durable`, rename.
[[nodiscard]] Status replace_file(int dirfd, const std::string& name, std::string_view bytes, unsigned mode,
                                  bool durable);

}  // namespace nucleus
