// For tests: the other side of a D-Bus connection, which says what a script says.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <vector>

#include "runtime/base/test_directory.hpp"
#include "runtime/sys/dbus_message.hpp"
#include "runtime/sys/socket.hpp"

namespace nucleus::test {

inline const std::string kAuth("\0AUTH EXTERNAL\r\n", 16);

struct Sent {
  sys::DbusKind kind = sys::DbusKind::signal;
  std::uint32_t reply_serial = 0;
  std::string path = {};
  std::string interface = {};
  std::string member = {};
  std::string error_name = {};
  std::string sender = {};
  std::string signature = {};
  std::string body = {};
};

// A whole message with those of the fields that are set.
inline std::string message(const Sent& in) {
  sys::DbusWriter out;
  out.byte('l');
  out.byte(static_cast<std::uint8_t>(in.kind));
  out.byte(0);
  out.byte(1);
  out.number(static_cast<std::uint32_t>(in.body.size()));
  out.number(1);
  const std::size_t fields = out.begin_array(8);
  const auto field = [&](std::uint8_t number, const char* type, const std::string& value) {
    if (value.empty()) {
      return;
    }
    out.align(8);
    out.byte(number);
    out.signature(type);
    *type == 'g' ? out.signature(value) : out.text(value);
  };
  field(1, "o", in.path);
  field(2, "s", in.interface);
  field(3, "s", in.member);
  field(4, "s", in.error_name);
  field(7, "s", in.sender);
  field(8, "g", in.signature);
  if (in.reply_serial != 0) {
    out.align(8);
    out.byte(5);
    out.signature("u");
    out.number(in.reply_serial);
  }
  out.end_array(fields, 8);
  out.align(8);
  return out.bytes() + in.body;
}

// The other side of one connection: reads and writes what the script says, then closes.
class DbusServer {
 public:
  struct Step {
    std::string expect;  // is read, with what comes before it
    std::string send;
  };
  explicit DbusServer(std::vector<Step> script)
      : listener_(sys::listen_at(directory_.fd(), "bus", sys::SocketType::stream).value()),
        thread_([this, steps = std::move(script)] { serve(steps); }) {}
  DbusServer(const DbusServer&) = delete;
  DbusServer& operator=(const DbusServer&) = delete;
  ~DbusServer() { thread_.join(); }
  [[nodiscard]] std::string path() const { return directory_.at("bus"); }

 private:
  void serve(const std::vector<Step>& steps) {
    const UniqueFd peer = sys::accept_connection(listener_.get()).value();
    std::string read;
    for (const auto& step : steps) {
      while (read.find(step.expect) == std::string::npos) {
        char piece[512];
        const ssize_t got = ::recv(peer.get(), piece, sizeof piece, 0);
        ASSERT_GT(got, 0);
        read.append(piece, static_cast<std::size_t>(got));
      }
      read.erase(0, read.find(step.expect) + step.expect.size());
      // In two pieces: a reader must put them together.
      const std::size_t half = step.send.size() / 2;
      ::send(peer.get(), step.send.data(), half, MSG_NOSIGNAL);
      ::send(peer.get(), step.send.data() + half, step.send.size() - half, MSG_NOSIGNAL);
    }
  }

  TestDirectory directory_;
  UniqueFd listener_;
  std::thread thread_;
};

}  // namespace nucleus::test
