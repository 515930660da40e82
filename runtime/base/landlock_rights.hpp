// Landlock access rights up to ABI 7 (include/uapi/linux/landlock.h of Linux 6.15), as constants of ours: pure code
// needs them and the build host's kernel headers may be older.
#pragma once

#include <cstdint>

namespace nucleus::landlock {

inline constexpr std::uint64_t kExecute = 1U << 0;
inline constexpr std::uint64_t kWriteFile = 1U << 1;
inline constexpr std::uint64_t kReadFile = 1U << 2;
inline constexpr std::uint64_t kReadDir = 1U << 3;
inline constexpr std::uint64_t kRemoveDir = 1U << 4;
inline constexpr std::uint64_t kRemoveFile = 1U << 5;
inline constexpr std::uint64_t kMakeChar = 1U << 6;
inline constexpr std::uint64_t kMakeDir = 1U << 7;
inline constexpr std::uint64_t kMakeReg = 1U << 8;
inline constexpr std::uint64_t kMakeSock = 1U << 9;
inline constexpr std::uint64_t kMakeFifo = 1U << 10;
inline constexpr std::uint64_t kMakeBlock = 1U << 11;
inline constexpr std::uint64_t kMakeSym = 1U << 12;
inline constexpr std::uint64_t kRefer = 1U << 13;     // ABI 2
inline constexpr std::uint64_t kTruncate = 1U << 14;  // ABI 3
inline constexpr std::uint64_t kIoctlDev = 1U << 15;  // ABI 5

inline constexpr std::uint64_t kNetBindTcp = 1U << 0;     // ABI 4
inline constexpr std::uint64_t kNetConnectTcp = 1U << 1;  // ABI 4

inline constexpr std::uint64_t kScopeAbstractUnixSocket = 1U << 0;  // ABI 6
inline constexpr std::uint64_t kScopeSignal = 1U << 1;              // ABI 6

// What a rule on something that is not a directory may grant; the kernel refuses the others with EINVAL.
inline constexpr std::uint64_t kFileRights = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDev;

[[nodiscard]] constexpr std::uint64_t all_fs_rights(int abi) {
  return abi <= 0   ? 0
         : abi == 1 ? kRefer - 1
         : abi == 2 ? kTruncate - 1
         : abi <= 4 ? kIoctlDev - 1
                    : (kIoctlDev << 1) - 1;
}
[[nodiscard]] constexpr std::uint64_t all_net_rights(int abi) { return abi >= 4 ? kNetBindTcp | kNetConnectTcp : 0; }
[[nodiscard]] constexpr std::uint64_t all_scopes(int abi) {
  return abi >= 6 ? kScopeAbstractUnixSocket | kScopeSignal : 0;
}

}  // namespace nucleus::landlock
