// Bodies of the calls that take unit properties (org.freedesktop.systemd1(5)). Pure.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "runtime/base/systemd_unit.hpp"

namespace nucleus::sys {

// Job mode "fail"; no auxiliary units. `pids` become the property PIDs.
inline constexpr const char* kStartTransientSignature = "ssa(sv)a(sa(sv))";
[[nodiscard]] std::string start_transient_body(const std::string& unit, std::span<const UnitProperty> properties,
                                               std::span<const pid_t> pids);

inline constexpr const char* kSetPropertiesSignature = "sba(sv)";
[[nodiscard]] std::string set_properties_body(const std::string& unit, std::span<const UnitProperty> properties);

}  // namespace nucleus::sys
