// Device nodes and symlinks below a container's /dev, always in a directory that was resolved in the root: a rootfs
// whose /dev is a symlink to the host's gains nothing (CVE-2026-41579).
#pragma once

#include <cstdint>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::sys {

struct DeviceNode {
  char type = 'c';  // 'c' or 'u', 'b', 'p' (FIFO), as in linux.devices[].type
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t mode = 0666;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

enum class DeviceOrigin : std::uint8_t { made, existing, bound };

// mknod with exact mode and owner. The same node already there is adjusted, anything else there is EEXIST. Where mknod
// is not permitted (user namespace) the node at the same path of the caller's current root is verified to be the same
// device and bind-mounted: call before pivot_root. Parents are created.
[[nodiscard]] Result<DeviceOrigin> make_device(const RootDir& root, const std::string& path, const DeviceNode& node);

// An existing symlink with the same target is fine, anything else there is EEXIST.
[[nodiscard]] Status make_symlink(const RootDir& root, const std::string& target, const std::string& path);

}  // namespace nucleus::sys
