// A transient unit of systemd as plain data: decided by runtime/plan, made by runtime/sys, named in the state file.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace nucleus {

// One value of a property in D-Bus types: b, t, s, as, ay, a(ss).
using UnitValue = std::variant<bool, std::uint64_t, std::string, std::vector<std::string>, std::vector<std::uint8_t>,
                               std::vector<std::pair<std::string, std::string>>>;

struct UnitProperty {
  std::string name;  // org.freedesktop.systemd1(5): "MemoryMax"
  UnitValue value;
  bool operator==(const UnitProperty&) const = default;
};

// "No limit" where a property takes a number.
inline constexpr std::uint64_t kUnitUnlimited = UINT64_MAX;

// A unit that was made for a container: enough to find it again, and to tell it from another one of the same name.
struct UnitReference {
  std::string bus;          // D-Bus address: "unix:path=/run/dbus/system_bus_socket"
  std::string name;         // "nucleus-ID.scope"
  std::string description;  // names the container and holds a nonce, so that no two units ever say the same
  bool operator==(const UnitReference&) const = default;
};

}  // namespace nucleus
