// The devices of every container (config-linux.md "Default Devices").
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace nucleus::hardening {

struct DefaultDevice {
  std::string_view path;
  std::int64_t major;
  std::int64_t minor;
};

// Character devices. /dev/console and /dev/ptmx stand for nodes that set-up makes from the container's own devpts.
inline constexpr std::array kDefaultDevices = {
    DefaultDevice{"/dev/null", 1, 3},    DefaultDevice{"/dev/zero", 1, 5},    DefaultDevice{"/dev/full", 1, 7},
    DefaultDevice{"/dev/random", 1, 8},  DefaultDevice{"/dev/urandom", 1, 9}, DefaultDevice{"/dev/tty", 5, 0},
    DefaultDevice{"/dev/console", 5, 1}, DefaultDevice{"/dev/ptmx", 5, 2},
};

inline constexpr std::int64_t kPtsMajor = 136;  // any minor

}  // namespace nucleus::hardening
