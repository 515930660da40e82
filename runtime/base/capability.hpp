// Linux capability names and numbers (capabilities(7), include/uapi/linux/capability.h up to Linux 6.18).
// A constexpr table so that pure code needs no library; a unit test holds it against libcap's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nucleus {

// clang-format off
inline constexpr std::array<std::string_view, 41> kCapabilityNames = {
    "CAP_CHOWN",           "CAP_DAC_OVERRIDE",     "CAP_DAC_READ_SEARCH", "CAP_FOWNER",       "CAP_FSETID",
    "CAP_KILL",            "CAP_SETGID",           "CAP_SETUID",          "CAP_SETPCAP",      "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",   "CAP_NET_ADMIN",       "CAP_NET_RAW",      "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",       "CAP_SYS_MODULE",       "CAP_SYS_RAWIO",       "CAP_SYS_CHROOT",   "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",       "CAP_SYS_ADMIN",        "CAP_SYS_BOOT",        "CAP_SYS_NICE",     "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",        "CAP_SYS_TTY_CONFIG",   "CAP_MKNOD",           "CAP_LEASE",        "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",   "CAP_SETFCAP",          "CAP_MAC_OVERRIDE",    "CAP_MAC_ADMIN",    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",      "CAP_BLOCK_SUSPEND",    "CAP_AUDIT_READ",      "CAP_PERFMON",      "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE"};
// clang-format on

// Bit n stands for capability number n, as in /proc/PID/status.
using CapabilityMask = std::uint64_t;

// Exact upper-case spelling with CAP_ prefix, as the runtime-spec has it.
[[nodiscard]] constexpr std::optional<unsigned> capability_number(std::string_view name) {
  for (unsigned i = 0; i < kCapabilityNames.size(); ++i) {
    if (kCapabilityNames[i] == name) {
      return i;
    }
  }
  return std::nullopt;
}

[[nodiscard]] constexpr CapabilityMask capability_bit(std::string_view name) {
  const auto number = capability_number(name);
  return number ? CapabilityMask{1} << *number : 0;
}

// Unknown names contribute nothing.
[[nodiscard]] inline CapabilityMask capability_mask(const std::vector<std::string>& names) {
  CapabilityMask mask = 0;
  for (const auto& name : names) {
    mask |= capability_bit(name);
  }
  return mask;
}

}  // namespace nucleus
