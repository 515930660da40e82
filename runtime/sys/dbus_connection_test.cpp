#include "runtime/sys/dbus_connection.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "runtime/base/test_directory.hpp"
#include "runtime/sys/socket.hpp"

namespace nucleus::sys {
namespace {

TEST(DbusAddress, OnlySocketsInTheFileSystem) {
  EXPECT_EQ(dbus_socket_path("unix:path=/run/user/1000/bus,guid=12").value(), "/run/user/1000/bus");
  EXPECT_EQ(dbus_socket_path("unix:guid=1,path=/a%20b").value(), "/a b");
  EXPECT_EQ(dbus_socket_path("unixexec:path=/bin/sh;unix:path=/bus").value(), "/bus");
  for (const char* wrong : {"", "autolaunch:", "unixexec:path=/bin/sh", "unix:abstract=/x", "unix:path=relative",
                            "unix:path=/a%0", "unix:path=/a%00b", "tcp:host=localhost,port=1"}) {
    EXPECT_FALSE(dbus_socket_path(wrong)) << wrong;
  }
}

// A message without header fields but the reply's serial.
std::string answer(DbusKind kind, std::uint32_t serial) {
  std::string out(24, '\0');
  out[0] = 'l';
  out[1] = static_cast<char>(kind);
  out[3] = 1;
  out[12] = 8;
  out[16] = 5;  // REPLY_SERIAL
  out[17] = 1;
  out[18] = 'u';
  out[20] = static_cast<char>(serial);
  return out;
}

// The other side of one connection: reads and writes what the script says, then closes.
class Server {
 public:
  struct Step {
    std::string expect;  // is read, with what comes before it
    std::string send;
  };
  explicit Server(std::vector<Step> script)
      : listener_(listen_at(directory_.fd(), "bus", SocketType::stream).value()),
        thread_([this, steps = std::move(script)] { serve(steps); }) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { thread_.join(); }
  [[nodiscard]] std::string path() const { return directory_.at("bus"); }

 private:
  void serve(const std::vector<Step>& steps) {
    const UniqueFd peer = accept_connection(listener_.get()).value();
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

  test::TestDirectory directory_;
  UniqueFd listener_;
  std::thread thread_;
};

const std::string kAuth("\0AUTH EXTERNAL\r\n", 16);
using Peer = DbusConnection::Peer;

TEST(DbusConnection, AuthenticatesWithAndWithoutData) {
  Server server({{kAuth, "DATA\r\n"}, {"DATA\r\n", "OK 1234\r\n"}, {"BEGIN\r\n", ""}});
  EXPECT_TRUE(DbusConnection::open(server.path(), Peer::program));
  Server direct({{kAuth, "OK 1234\r\n"}, {"BEGIN\r\n", ""}});
  EXPECT_TRUE(DbusConnection::open(direct.path(), Peer::program));
}

TEST(DbusConnection, RefusalAndSilenceAreErrors) {
  Server refusing({{kAuth, "REJECTED EXTERNAL\r\n"}});
  EXPECT_FALSE(DbusConnection::open(refusing.path(), Peer::program));
  Server closing({{kAuth, ""}});
  EXPECT_FALSE(DbusConnection::open(closing.path(), Peer::program));
}

TEST(DbusConnection, FindsTheReplyAmongOthersAndKeepsSignals) {
  const std::string others = answer(DbusKind::signal, 0) + answer(DbusKind::reply, 77);
  Server server({{kAuth, "OK 1\r\n"}, {"BEGIN\r\n", ""}, {"Ping", others + answer(DbusKind::error, 1)}});
  auto connection = DbusConnection::open(server.path(), Peer::program).value();
  const auto reply = connection.call({"", "/", "a.b", "Ping", "", ""});
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->kind, DbusKind::error);
  EXPECT_TRUE(connection.await_signal([](const DbusMessage&) { return true; }));
  EXPECT_FALSE(connection.await_signal([](const DbusMessage&) { return true; }));  // closed
}

TEST(DbusConnection, GarbageIsAnError) {
  Server server({{kAuth, "OK 1\r\n"}, {"BEGIN\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"}});
  auto connection = DbusConnection::open(server.path(), Peer::program).value();
  EXPECT_FALSE(connection.call({"", "/", "a.b", "Ping", "", ""}));
}

}  // namespace
}  // namespace nucleus::sys
