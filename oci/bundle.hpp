// A bundle directory (runtime-spec bundle.md), opened once and read through its descriptor.
#pragma once

#include <string>

#include "oci/spec.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::oci {

struct Bundle {
  UniqueFd dir;        // O_PATH|O_DIRECTORY of the bundle
  std::string path;    // absolute, symlinks resolved
  std::string config;  // config.json's bytes as read: what is parsed is what is rewritten
  Spec spec;           // decoded and validated
};

// `path` may be relative to the working directory. A missing file gives runc's text
// "JSON specification file config.json not found".
[[nodiscard]] Result<Bundle> load_bundle(const std::string& path);

// The rootfs directory's absolute host path: root.path joined to the bundle. No symlink is resolved.
[[nodiscard]] std::string rootfs_path(const Bundle& bundle);

}  // namespace nucleus::oci
