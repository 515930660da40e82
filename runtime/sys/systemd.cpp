#include "runtime/sys/systemd.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>

#include "runtime/base/io.hpp"
#include "runtime/sys/systemd_message.hpp"

namespace nucleus::sys {
namespace {

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnit = "org.freedesktop.systemd1.Unit";
constexpr const char* kNoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";
constexpr const char* kSystemBus = "/run/dbus/system_bus_socket";
constexpr const char* kPrivateSocket = "/run/systemd/private";

// sd_bus_path_encode(3): everything but letters and digits as _HH, a leading digit as well.
std::string unit_path(const std::string& unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = std::string(kManagerPath) + "/unit/";
  for (std::size_t i = 0; i < unit.size(); ++i) {
    const char c = unit[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || (c >= '0' && c <= '9' && i > 0)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'_', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

// In systemd's words.
Error error_of(const std::string& member, const DbusMessage& message) {
  DbusReader in(message.body);
  const std::string text = message.signature.starts_with('s') ? in.text() : "";
  const int sys_errno = message.error_name == kNoSuchUnit ? ENOENT : 0;
  return {ErrorCode::kernel, sys_errno, "systemd: " + member + ": " + (text.empty() ? message.error_name : text)};
}

// First where no other user's messages can get in the way: the bus delivers those of anybody, and a queue that is full of
// them takes no reply.
Result<DbusConnection> connect_system() {
  auto direct = DbusConnection::open(kPrivateSocket, DbusConnection::Peer::program);
  if (direct) {
    return direct;
  }
  auto bus = DbusConnection::open(kSystemBus, DbusConnection::Peer::bus);
  if (bus) {
    return bus;
  }
  // Not strerror's words: engines read "no such file" as a missing program.
  return tl::unexpected<Error>(
      Error{ErrorCode::kernel, bus.error().sys_errno,
            "systemd cannot be reached: neither " + std::string(kPrivateSocket) + " nor " + kSystemBus + " answers"});
}

Result<DbusConnection> connect_user(const std::string& address) {
  TRY_ASSIGN(const std::string path, dbus_socket_path(address));
  auto bus = DbusConnection::open(path, DbusConnection::Peer::bus);
  if (!bus) {
    return tl::unexpected<Error>(Error{ErrorCode::kernel, bus.error().sys_errno,
                                       "the user's systemd cannot be reached: " + path + " does not answer"});
  }
  return bus;
}

}  // namespace

Result<std::string> user_bus_address() {
  const char* address = std::getenv("DBUS_SESSION_BUS_ADDRESS");
  if (address != nullptr && *address != '\0') {
    return std::string(address);
  }
  const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
  if (runtime_dir != nullptr && *runtime_dir == '/') {
    return "unix:path=" + std::string(runtime_dir) + "/bus";
  }
  return fail(ErrorCode::usage,
              "systemd cgroup driver without root: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set");
}

Result<SystemdManager> SystemdManager::connect(const std::string& bus) {
  TRY_ASSIGN(DbusConnection connection, bus.empty() ? connect_system() : connect_user(bus));
  return SystemdManager(std::move(connection));
}

Result<DbusMessage> SystemdManager::call(const std::string& member, const std::string& signature,
                                         const std::string& body) {
  TRY_ASSIGN(DbusMessage reply, connection_.call({kService, kManagerPath, kManager, member, signature, body}));
  if (reply.kind == DbusKind::error) {
    return tl::unexpected<Error>(error_of(member, reply));
  }
  return reply;
}

Result<DbusMessage> SystemdManager::call_bus(const std::string& member, const std::string& text) {
  DbusWriter body;
  body.text(text);
  TRY_ASSIGN(DbusMessage reply, connection_.call({"org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                  "org.freedesktop.DBus", member, "s", body.bytes()}));
  if (reply.kind == DbusKind::error) {
    return tl::unexpected<Error>(error_of(member, reply));
  }
  return reply;
}

Result<std::string> SystemdManager::get(const std::string& path, const std::string& interface,
                                        const std::string& property) {
  DbusWriter body;
  body.text(interface);
  body.text(property);
  TRY_ASSIGN(const DbusMessage reply,
             connection_.call({kService, path, "org.freedesktop.DBus.Properties", "Get", "ss", body.bytes()}));
  if (reply.kind == DbusKind::error) {
    return tl::unexpected<Error>(error_of("Get " + property, reply));
  }
  DbusReader in(reply.body);
  const std::string type = in.signature();
  std::string value = in.text();
  if (!in.ok() || type != "s") {
    return fail(ErrorCode::kernel, "systemd: property " + property + " is not a text");
  }
  return value;
}

Result<std::string> SystemdManager::control_group() {
  TRY_ASSIGN(std::string path, get(kManagerPath, kManager, "ControlGroup"));
  return path == "/" ? "" : path;
}

Result<SystemdManager::UnitStatus> SystemdManager::status(const std::string& unit) {
  UnitStatus out;
  TRY_ASSIGN(out.active_state, get(unit_path(unit), kUnit, "ActiveState"));
  TRY_ASSIGN(out.description, get(unit_path(unit), kUnit, "Description"));
  return out;
}

Result<UnitMatch> SystemdManager::match(const UnitReference& unit) {
  TRY_ASSIGN(const UnitStatus found, status(unit.name));
  if (found.description == unit.description) {
    return UnitMatch::ours;
  }
  return found.active_state == "inactive" ? UnitMatch::gone : UnitMatch::foreign;
}

Status SystemdManager::listen() {
  if (listening_) {
    return {};
  }
  std::string owner;  // everything on the direct connection is systemd's
  if (connection_.peer() == DbusConnection::Peer::bus) {
    TRY_ASSIGN(const DbusMessage reply, call_bus("GetNameOwner", kService));
    owner = DbusReader(reply.body).text();
    if (owner.empty()) {
      return fail(ErrorCode::kernel, "systemd: the bus does not tell who it is");
    }
    TRY(call_bus("AddMatch",
                 "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',"
                 "interface='org.freedesktop.systemd1.Manager',member='JobRemoved'"));
  }
  // The rule asks for these; what others send to us alone comes without being asked for.
  is_job_removed_ = [owner](const DbusMessage& message) {
    return message.member == "JobRemoved" && message.interface == kManager && message.path == kManagerPath &&
           (owner.empty() || message.sender == owner);
  };
  connection_.keep_signals(is_job_removed_);
  listening_ = true;
  return {};
}

Result<std::string> SystemdManager::await_job(const DbusMessage& reply) {
  const std::string job = DbusReader(reply.body).text();
  TRY_ASSIGN(const DbusMessage signal, connection_.await_signal([&](const DbusMessage& message) {
    if (!is_job_removed_(message)) {
      return false;
    }
    DbusReader in(message.body);
    static_cast<void>(in.number());
    return in.text() == job && in.ok();
  }));
  DbusReader in(signal.body);
  static_cast<void>(in.number());
  static_cast<void>(in.text());
  static_cast<void>(in.text());
  return in.text();
}

Status SystemdManager::start_transient(const std::string& unit, std::span<const UnitProperty> properties,
                                       std::span<const pid_t> pids) {
  TRY(listen());
  TRY_ASSIGN(const DbusMessage reply,
             call("StartTransientUnit", kStartTransientSignature, start_transient_body(unit, properties, pids)));
  TRY_ASSIGN(const std::string result, await_job(reply));
  return result == "done" ? Status{} : fail(ErrorCode::kernel, "systemd: starting " + unit + " ended as " + result);
}

Status SystemdManager::set_properties(const std::string& unit, std::span<const UnitProperty> properties) {
  TRY(call("SetUnitProperties", kSetPropertiesSignature, set_properties_body(unit, properties)));
  // systemd writes the cgroup's files before it looks at the next message: its answer says that they are written.
  TRY(control_group());
  return {};
}

Status SystemdManager::stop(const std::string& unit) {
  TRY(listen());
  DbusWriter body;
  body.text(unit);
  body.text("replace");
  const auto reply = call("StopUnit", "ss", body.bytes());
  if (reply) {
    TRY(await_job(*reply));
  } else if (reply.error().sys_errno != ENOENT) {
    return tl::unexpected<Error>(reply.error());
  }
  return reset_failed(unit);
}

Status SystemdManager::reset_failed(const std::string& unit) {
  DbusWriter name;
  name.text(unit);
  const auto reset = call("ResetFailedUnit", "s", name.bytes());
  return reset || reset.error().sys_errno == ENOENT ? Status{} : Status(tl::unexpected<Error>(reset.error()));
}

Result<std::string> systemd_cgroup_of(pid_t pid) {
  TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/cgroup", 1 << 20));
  for (const std::string_view mark : {":name=systemd:", "0::"}) {
    const std::size_t at = text.find(mark);
    if (at != std::string::npos) {
      const std::size_t begin = at + mark.size();
      return text.substr(begin, text.find('\n', begin) - begin);
    }
  }
  return fail(ErrorCode::kernel, "process " + std::to_string(pid) + " is in no cgroup of systemd's");
}

Result<UnitMatch> find_unit(const UnitReference& unit) {
  TRY_ASSIGN(auto manager, SystemdManager::connect(unit.bus));
  return manager.match(unit);
}

Result<UnitMatch> stop_unit(const UnitReference& unit) {
  TRY_ASSIGN(auto manager, SystemdManager::connect(unit.bus));
  TRY_ASSIGN(const UnitMatch found, manager.match(unit));
  if (found == UnitMatch::ours) {
    TRY(manager.stop(unit.name));
  }
  return found;
}

}  // namespace nucleus::sys
