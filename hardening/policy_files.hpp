// The bytes of policy files: read once, from files that only trusted users can change.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::hardening {

// nullopt when there is no such directory. Symlinks are followed (NixOS has /etc made of them): what counts is who
// may change the directory that was opened. Errors avoid strerror's texts, which engines map to exit codes.
[[nodiscard]] Result<std::optional<UniqueFd>> open_policy_directory(const std::string& path);

// Reads `name` below `directory` (AT_FDCWD for a path of its own). nullopt when there is no such file. Refused unless
// it is a regular file of root or the caller that group and others cannot write.
[[nodiscard]] Result<std::optional<std::string>> read_policy_file(int directory, const std::string& name,
                                                                  const std::string& shown);

}  // namespace nucleus::hardening
