// maskedPaths and readonlyPaths (runtime-spec, config-linux.md) by descriptors.
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::sys {

// Opens /dev/null of the caller's current root, O_PATH, and verifies that it is character device 1:3
// (CVE-2025-31133: never the container's own idea of /dev/null).
[[nodiscard]] Result<UniqueFd> open_null_device();

// A detached, empty, read-only tmpfs.
[[nodiscard]] Result<UniqueFd> make_empty_directory();

// Covers directories with one shared, empty, read-only tmpfs and anything else with the host's /dev/null.
class Masker {
 public:
  // Call before pivot_root: clones the host's /dev/null, verified, for later.
  [[nodiscard]] static Result<Masker> make();

  // False: there is nothing at `path`, so nothing was covered. Symlinks resolve in the root.
  [[nodiscard]] Result<bool> mask(const RootDir& root, const std::string& path);

 private:
  explicit Masker(UniqueFd null_mount) noexcept : null_mount_(std::move(null_mount)) {}
  UniqueFd null_mount_;
  bool null_attached_ = false;
  UniqueFd empty_;  // made for the first directory, cloned for the others
};

// Binds `path` onto itself with the mounts below it, all of them read-only. False: there is nothing at `path`.
[[nodiscard]] Result<bool> make_readonly(const RootDir& root, const std::string& path);

}  // namespace nucleus::sys
