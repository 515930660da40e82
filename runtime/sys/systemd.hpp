// The service manager over D-Bus: transient units for containers (org.freedesktop.systemd1(5)).
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>

#include "runtime/base/systemd_unit.hpp"
#include "runtime/sys/dbus_connection.hpp"

namespace nucleus::sys {

// The caller's own bus, of $DBUS_SESSION_BUS_ADDRESS or $XDG_RUNTIME_DIR/bus, as an address. An error when neither is set.
[[nodiscard]] Result<std::string> user_bus_address();

enum class UnitMatch : std::uint8_t {
  gone,     // there is none of that name, or one that does nothing
  ours,     // active or failed
  foreign,  // somebody else's has taken the name, and with it the cgroup
};

class SystemdManager {
 public:
  // `bus`: the D-Bus address of a user's bus, or "" for the system's manager, over systemd's own socket (root only) or,
  // where that does not answer, over the system bus.
  [[nodiscard]] static Result<SystemdManager> connect(const std::string& bus);

  // The cgroup that the manager's units lie below, "" for the root of the hierarchy.
  [[nodiscard]] Result<std::string> control_group();

  struct UnitStatus {
    std::string active_state;  // "active", "inactive", "failed", ...; "inactive" for a unit that does not exist
    std::string description;   // its name, for a unit that does not exist
  };
  [[nodiscard]] Result<UnitStatus> status(const std::string& unit);
  // Whether the unit of that name is the one that the reference was made for: only its description, which holds a nonce,
  // tells.
  [[nodiscard]] Result<UnitMatch> match(const UnitReference& unit);

  // Makes the unit, puts `pids` into it and returns when systemd is done. An existing unit of that name is an error.
  [[nodiscard]] Status start_transient(const std::string& unit, std::span<const UnitProperty> properties,
                                       std::span<const pid_t> pids);
  // Changes properties until the unit ends. The cgroup's files have their new values on return.
  [[nodiscard]] Status set_properties(const std::string& unit, std::span<const UnitProperty> properties);
  // Stops the unit, which ends every process in it, waits for that, and forgets that it failed. A missing one is fine.
  [[nodiscard]] Status stop(const std::string& unit);
  // Forgets a failed unit, so that its name can be taken; does nothing to one in any other state. A missing one is fine.
  [[nodiscard]] Status reset_failed(const std::string& unit);

 private:
  explicit SystemdManager(DbusConnection connection) : connection_(std::move(connection)) {}
  [[nodiscard]] Result<DbusMessage> call(const std::string& member, const std::string& signature,
                                         const std::string& body);
  [[nodiscard]] Result<std::string> get(const std::string& path, const std::string& interface,
                                        const std::string& property);
  // To the bus itself, with one text.
  [[nodiscard]] Result<DbusMessage> call_bus(const std::string& member, const std::string& text);
  // For job signals of whoever is systemd now; once.
  [[nodiscard]] Status listen();
  // Until the job that `reply` names is over; its result ("done", "failed", ...).
  [[nodiscard]] Result<std::string> await_job(const DbusMessage& reply);

  DbusConnection connection_;
  DbusConnection::SignalFilter is_job_removed_;
  bool listening_ = false;
};

// Where systemd sees the process: its path in systemd's own hierarchy of v1, else in the one of v2.
[[nodiscard]] Result<std::string> systemd_cgroup_of(pid_t pid);

[[nodiscard]] Result<UnitMatch> find_unit(const UnitReference& unit);
// Stops the unit if it is ours; what was found before that.
[[nodiscard]] Result<UnitMatch> stop_unit(const UnitReference& unit);

}  // namespace nucleus::sys
