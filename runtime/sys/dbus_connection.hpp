// One connection to a message bus, or straight to a program that speaks D-Bus (systemd's private socket). Every wait ends
// after half a minute, also one that is kept busy: on a bus anybody may send us anything. What is no answer and cannot be
// read, or is longer than a signal of use here, is stepped over. No threads, no environment, no signal handling; the descriptor is close-on-exec.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <string>

#include "runtime/base/unique_fd.hpp"
#include "runtime/sys/dbus_message.hpp"

namespace nucleus::sys {

// The socket's path in a D-Bus address ("unix:path=/run/user/1000/bus,guid=..."; the first of a list that has one). Other
// transports are refused: unixexec: and autolaunch: would run programs.
[[nodiscard]] Result<std::string> dbus_socket_path(std::string_view address);

class DbusConnection {
 public:
  enum class Peer : std::uint8_t { bus, program };
  using SignalFilter = std::function<bool(const DbusMessage&)>;

  // Connects and authenticates by the socket's credentials (SASL EXTERNAL without an identity: inside a user namespace our
  // number is not the one that the other side sees). A bus is greeted.
  [[nodiscard]] static Result<DbusConnection> open(const std::string& path, Peer peer);

  [[nodiscard]] Peer peer() const noexcept { return peer_; }

  // The reply, which may be of kind error. A program wants to read its name as the destination, too: systemd answers no call
  // without one, also on its own socket.
  [[nodiscard]] Result<DbusMessage> call(const DbusCall& call);
  // Which signals are kept from now on when they come while call() waits: none until this was called.
  void keep_signals(SignalFilter wanted) { keep_ = std::move(wanted); }
  // The first signal, also among those that were kept, that `wanted` accepts; others are dropped.
  [[nodiscard]] Result<DbusMessage> await_signal(const SignalFilter& wanted);

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  DbusConnection(UniqueFd socket, Peer peer) : socket_(std::move(socket)), peer_(peer) {}
  [[nodiscard]] Status authenticate();
  [[nodiscard]] Status send(std::string_view bytes, Deadline until);
  [[nodiscard]] Status fill(Deadline until);  // at least one byte more in buffer_
  [[nodiscard]] Result<std::string> take(std::size_t count, Deadline until);
  [[nodiscard]] Status skip(std::size_t count, Deadline until);
  [[nodiscard]] Result<std::string> take_line(Deadline until);
  [[nodiscard]] Result<DbusMessage> receive(Deadline until);

  UniqueFd socket_;
  Peer peer_ = Peer::bus;
  std::string buffer_;
  SignalFilter keep_;
  std::deque<DbusMessage> signals_;
  std::uint32_t serial_ = 0;
};

}  // namespace nucleus::sys
