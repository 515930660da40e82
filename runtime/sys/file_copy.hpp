// Content and metadata of single files, for tree_copy.
#pragma once

#include <sys/stat.h>

#include <string>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

// Holes stay holes: an image's sparse log file must not fill a tmpfs.
[[nodiscard]] Status copy_file_data(int source, int target, const struct stat& status);

// Owner, mode, extended attributes and times, in the order in which one does not destroy the other.
[[nodiscard]] Status copy_file_metadata(int source, int target, const struct stat& status);
[[nodiscard]] Status copy_directory_metadata(int source, int target);
// For what cannot be opened: symlinks and special files. A missing node is left out.
[[nodiscard]] Status copy_node_metadata(int target_dir, const std::string& name, const struct stat& status);

}  // namespace nucleus::sys
