// What a mount of config.json is, and what its options say. Options apply from left to right, the last word wins.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/spec.hpp"

namespace nucleus::hardening {

enum class MountKind : std::uint8_t {
  bind,
  kernel,  // sysfs, cgroup, cgroup2: windows into the kernel that a container only reads
  proc,
  mqueue,
  devpts,
  tmpfs,
  device_tmpfs,  // the tmpfs on /dev
  other,
};

[[nodiscard]] MountKind mount_kind(const oci::Mount& mount);

// A bind that takes its submounts along.
[[nodiscard]] bool is_recursive_bind(const oci::Mount& mount);

// ro or rro is in effect.
[[nodiscard]] bool is_read_only(const oci::Mount& mount);

// `flag` ("nosuid") is in effect, not its opposite ("suid"), in its plain or recursive ("rnosuid") form.
[[nodiscard]] bool has_flag(const std::vector<std::string>& options, std::string_view flag);

// Puts `flag` into effect: its opposites go, it is appended where missing; `recursive` for the submounts of a recursive
// bind as well (mount_setattr(2) AT_RECURSIVE). Nothing changes when that holds already.
void force_flag(std::vector<std::string>& options, std::string_view flag, bool recursive);

}  // namespace nucleus::hardening
