// The bytes of policy files: read once, from files that only trusted users can change.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::hardening {

// Trusted owners are root and the caller. Inside a user namespace the host's root has no name: what belongs to it is
// trusted where the host's administrator and packages put policies, /etc/nucleus and /usr/share/nucleus, and nowhere else,
// since everybody outside of the namespace is called the same.

// nullopt when there is no such directory. Symlinks are followed (NixOS has /etc made of them): what counts is who
// may change the directory that was opened. Errors avoid strerror's texts, which engines map to exit codes.
[[nodiscard]] Result<std::optional<UniqueFd>> open_policy_directory(const std::string& path);

// Reads `name` below `directory` (AT_FDCWD for a path of its own); `shown` is its path. nullopt when there is no such file. Refused unless
// it is a regular file of root or the caller that group and others cannot write.
[[nodiscard]] Result<std::optional<std::string>> read_policy_file(int directory, const std::string& name,
                                                                  const std::string& shown);
// The same for files that may be larger than policies are.
[[nodiscard]] Result<std::optional<std::string>> read_policy_file(int directory, const std::string& name,
                                                                  const std::string& shown, std::size_t limit);

// The same for a file that holds a secret: group and others may not read or execute it either.
[[nodiscard]] Result<std::optional<std::string>> read_secret_file(const std::string& path);

}  // namespace nucleus::hardening
