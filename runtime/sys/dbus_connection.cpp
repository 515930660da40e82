#include "runtime/sys/dbus_connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "runtime/sys/socket.hpp"

namespace nucleus::sys {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kMaxLine = 16 * 1024;  // of the authentication
constexpr std::size_t kMaxSignals = 4096;    // that wait while a call is answered
constexpr std::size_t kMaxSignal = 16 * 1024;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// "%2f" in values of an address; "" for what is no such value.
std::string unescape(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '%') {
      out += value[i];
      continue;
    }
    const int high = i + 2 < value.size() ? hex_digit(value[i + 1]) : -1;
    const int low = i + 2 < value.size() ? hex_digit(value[i + 2]) : -1;
    if (high < 0 || low < 0 || high * 16 + low == 0) {
      return "";
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string_view next_part(std::string_view& list, char separator) {
  const std::size_t end = std::min(list.find(separator), list.size());
  const std::string_view part = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return part;
}

// Readiness for `events` before `until`.
Status await(int socket, short events, Clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) {
      return fail_errno("D-Bus", ETIMEDOUT);
    }
    pollfd entry{socket, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left));
    if (ready > 0) {
      return {};
    }
    if (ready < 0 && errno != EINTR) {
      return fail_errno("poll");
    }
  }
}

bool is_retry(int error) { return error == EINTR || error == EAGAIN; }

}  // namespace

Result<std::string> dbus_socket_path(std::string_view address) {
  constexpr std::string_view kUnix = "unix:";
  constexpr std::string_view kPath = "path=";
  std::string_view rest = address;
  while (!rest.empty()) {
    std::string_view entry = next_part(rest, ';');
    if (!entry.starts_with(kUnix)) {
      continue;
    }
    entry.remove_prefix(kUnix.size());
    while (!entry.empty()) {
      const std::string_view pair = next_part(entry, ',');
      std::string path = pair.starts_with(kPath) ? unescape(pair.substr(kPath.size())) : "";
      if (path.starts_with('/')) {
        return path;
      }
    }
  }
  return fail(ErrorCode::usage, "no unix:path= in the D-Bus address \"" + std::string(address) + "\"");
}

Result<DbusConnection> DbusConnection::open(const std::string& path, Peer peer) {
  TRY_ASSIGN(UniqueFd socket, connect_to(path, SocketType::stream));
  DbusConnection connection(std::move(socket), peer);
  TRY_WITH(connection.authenticate(), path);
  if (peer == Peer::bus) {
    TRY_ASSIGN(const DbusMessage hello, connection.call({"org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                         "org.freedesktop.DBus", "Hello", "", ""}));
    if (hello.kind != DbusKind::reply) {
      return fail(ErrorCode::kernel, path + ": the bus refused us: " + hello.error_name);
    }
  }
  return connection;
}

// Specification, "Authentication Protocol": some servers want the empty identity as a DATA of its own.
Status DbusConnection::authenticate() {
  const Deadline until = Clock::now() + kPatience;
  TRY(send(std::string_view("\0AUTH EXTERNAL\r\n", 16), until));
  TRY_ASSIGN(std::string answer, take_line(until));
  if (answer.starts_with("DATA")) {
    TRY(send("DATA\r\n", until));
    TRY_ASSIGN(answer, take_line(until));
  }
  if (!answer.starts_with("OK")) {
    return fail(ErrorCode::kernel, "the bus does not accept our credentials");
  }
  return send("BEGIN\r\n", until);
}

Status DbusConnection::send(std::string_view bytes, Deadline until) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (!is_retry(errno)) {
      return fail_errno("D-Bus");
    } else {
      TRY(await(socket_.get(), POLLOUT, until));
    }
  }
  return {};
}

Status DbusConnection::fill(Deadline until) {
  std::array<char, 4096> piece;
  if (Clock::now() >= until) {
    return fail_errno("D-Bus", ETIMEDOUT);
  }
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (got > 0) {
      buffer_.append(piece.data(), static_cast<std::size_t>(got));
      return {};
    }
    if (got == 0) {
      return fail_errno("D-Bus", ECONNRESET);
    }
    if (!is_retry(errno)) {
      return fail_errno("D-Bus");
    }
    TRY(await(socket_.get(), POLLIN, until));
  }
}

Result<std::string> DbusConnection::take(std::size_t count, Deadline until) {
  while (buffer_.size() < count) {
    TRY(fill(until));
  }
  std::string out = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return out;
}

Status DbusConnection::skip(std::size_t count, Deadline until) {
  while (buffer_.size() < count) {
    count -= buffer_.size();
    buffer_.clear();
    TRY(fill(until));
  }
  buffer_.erase(0, count);
  return {};
}

Result<std::string> DbusConnection::take_line(Deadline until) {
  for (;;) {
    const std::size_t end = buffer_.find("\r\n");
    if (end != std::string::npos) {
      TRY_ASSIGN(std::string line, take(end + 2, until));
      line.resize(end);
      return line;
    }
    if (buffer_.size() > kMaxLine) {
      return fail(ErrorCode::kernel, "D-Bus: an endless line");
    }
    TRY(fill(until));
  }
}

Result<DbusMessage> DbusConnection::receive(Deadline until) {
  for (;;) {
    while (buffer_.size() < kDbusPrefix) {
      TRY(fill(until));
    }
    TRY_ASSIGN(const DbusFrame frame, dbus_frame(std::string_view(buffer_).substr(0, kDbusPrefix)));
    if (!frame.is_answer && (!frame.readable || frame.length > kMaxSignal)) {
      TRY(skip(frame.length, until));
      continue;
    }
    if (!frame.readable) {
      return fail(ErrorCode::kernel, "D-Bus: an answer that cannot be read");
    }
    TRY_ASSIGN(const std::string bytes, take(frame.length, until));
    auto message = decode_message(bytes);
    if (message || frame.is_answer) {
      return message;
    }
  }
}

Result<DbusMessage> DbusConnection::call(const DbusCall& call) {
  const Deadline until = Clock::now() + kPatience;
  const std::uint32_t serial = ++serial_;
  TRY_WITH(send(encode_call(call, serial), until), call.member);
  for (;;) {
    auto message = receive(until);
    if (!message) {
      return tl::unexpected<Error>(std::move(message).error().with(call.member));
    }
    const bool is_answer = message->kind == DbusKind::reply || message->kind == DbusKind::error;
    if (is_answer && message->reply_serial == serial) {
      return message;
    }
    if (message->kind == DbusKind::signal && signals_.size() < kMaxSignals && keep_ && keep_(*message)) {
      signals_.push_back(std::move(*message));
    }
  }
}

Result<DbusMessage> DbusConnection::await_signal(const SignalFilter& wanted) {
  const Deadline until = Clock::now() + kPatience;
  for (;;) {
    while (!signals_.empty()) {
      DbusMessage signal = std::move(signals_.front());
      signals_.pop_front();
      if (wanted(signal)) {
        return signal;
      }
    }
    TRY_ASSIGN(DbusMessage message, receive(until));
    if (message.kind == DbusKind::signal) {
      signals_.push_back(std::move(message));
    }
  }
}

}  // namespace nucleus::sys
