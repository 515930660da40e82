// Mount options as config.json spells them: fstab words (mount(8)), runc's recursive forms, idmap and tmpcopyup
// (runtime-spec config.md "Linux mount options"). One table; the parser, validation and `features` read it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace nucleus::oci {

// MOUNT_ATTR_* of mount_setattr(2), which <linux/mount.h> of older distributions lacks in part.
namespace mount_attr {
inline constexpr std::uint64_t kReadonly = 0x1;
inline constexpr std::uint64_t kNosuid = 0x2;
inline constexpr std::uint64_t kNodev = 0x4;
inline constexpr std::uint64_t kNoexec = 0x8;
inline constexpr std::uint64_t kAtimeMask = 0x70;  // relatime is 0
inline constexpr std::uint64_t kRelatime = 0x0;
inline constexpr std::uint64_t kNoatime = 0x10;
inline constexpr std::uint64_t kStrictatime = 0x20;
inline constexpr std::uint64_t kNodiratime = 0x80;
inline constexpr std::uint64_t kNosymfollow = 0x200000;  // Linux 5.14
}  // namespace mount_attr

enum class MountOptionKind : std::uint8_t {
  attribute,            // of the one mount: `set` and `clear`
  recursive_attribute,  // of the mount and everything below it
  propagation,          // private rshared ...
  bind,                 // bind
  rbind,                // bind with everything below the source
  remount,
  superblock,  // a flag of the file system itself (sync, lazytime): a parameter of fsconfig(2), void on a bind mount
  idmap,       // uidMappings/gidMappings apply to the mount
  ridmap,      // ... and to everything below it
  tmpcopyup,   // a tmpfs starts with a copy of what it covers
  none,        // accepted, says nothing (defaults, loud, silent)
};

struct MountOption {
  std::string_view name;
  MountOptionKind kind;
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
};

// Sorted by name.
[[nodiscard]] std::span<const MountOption> mount_options();

// nullptr for an option that is not in the table, and so data for the file system (size=64k).
[[nodiscard]] const MountOption* find_mount_option(std::string_view name);

// For mount_setattr(2): the kernel clears first, then sets, so a bit may be in both.
struct MountAttributeChange {
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
  bool operator==(const MountAttributeChange&) const = default;
};

// All options of one mount, later ones overriding earlier ones.
struct MountOptionSet {
  MountAttributeChange own;
  MountAttributeChange tree;
  std::string propagation;  // the last one given
  bool bind = false;        // bind or rbind
  bool recursive = false;   // rbind
  bool remount = false;
  bool idmap = false;  // idmap or ridmap
  bool idmap_recursive = false;
  bool tmpcopyup = false;
  std::vector<std::string> superblock;  // flags for fsconfig(2), in order
  std::vector<std::string> data;        // what the table does not know: `key` or `key=value`, in order
  bool operator==(const MountOptionSet&) const = default;
};

[[nodiscard]] MountOptionSet parse_mount_options(std::span<const std::string> options);

// One option's form: no control characters, no comma outside double quotes (a comma would smuggle a second option into
// what the kernel parses), a name before `=`. The empty option asks for nothing: buildah writes it for `--volume A:B`.
[[nodiscard]] Status check_mount_option(std::string_view option);

}  // namespace nucleus::oci
