#include "runtime/sys/dbus_connection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "runtime/sys/dbus_test_support.hpp"

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

using test::kAuth;
using test::message;
using Server = test::DbusServer;
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
  const std::string others = message({.kind = DbusKind::signal, .member = "A"}) +
                             message({.kind = DbusKind::signal, .member = "B"}) +
                             message({.kind = DbusKind::reply, .reply_serial = 77});
  Server server({{kAuth, "OK 1\r\n"},
                 {"BEGIN\r\n", ""},
                 {"Ping", others + message({.kind = DbusKind::error, .reply_serial = 1})}});
  auto connection = DbusConnection::open(server.path(), Peer::program).value();
  connection.keep_signals([](const DbusMessage& signal) { return signal.member == "B"; });
  const auto reply = connection.call({"", "/", "a.b", "Ping", "", ""});
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->kind, DbusKind::error);
  const auto kept = connection.await_signal([](const DbusMessage&) { return true; });
  EXPECT_EQ(kept->member, "B");
  EXPECT_FALSE(connection.await_signal([](const DbusMessage&) { return true; }));  // closed
}

// Any user may send these to us over a system bus.
TEST(DbusConnection, StepsOverWhatItCannotRead) {
  const std::string plain = message({.kind = DbusKind::signal, .member = "A"});
  std::string big_endian = plain;
  big_endian[0] = 'B';
  for (const std::size_t at : {4U, 12U}) {
    std::reverse(big_endian.begin() + static_cast<std::ptrdiff_t>(at),
                 big_endian.begin() + static_cast<std::ptrdiff_t>(at) + 4);
  }
  std::string odd_field = plain;
  odd_field[odd_field.find("\1s")] = '\0';
  std::string unknown_kind = plain;
  unknown_kind[1] = 9;
  const std::string long_one = message({.kind = DbusKind::signal, .body = std::string(3 << 20, 'x')});
  const std::string answer = message({.kind = DbusKind::reply, .reply_serial = 1});
  Server server({{kAuth, "OK 1\r\n"},
                 {"BEGIN\r\n", ""},
                 {"Ping", big_endian + odd_field + unknown_kind + long_one + answer + big_endian + long_one + plain}});
  auto connection = DbusConnection::open(server.path(), Peer::program).value();
  const auto reply = connection.call({"", "/", "a.b", "Ping", "", ""});
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->kind, DbusKind::reply);
  EXPECT_EQ(connection.await_signal([](const DbusMessage&) { return true; })->member, "A");
}

TEST(DbusConnection, AnAnswerThatCannotBeReadIsAnError) {
  std::string answer = message({.kind = DbusKind::reply, .reply_serial = 1});
  answer[0] = 'B';
  answer[15] = std::exchange(answer[12], '\0');
  Server server({{kAuth, "OK 1\r\n"}, {"BEGIN\r\n", ""}, {"Ping", answer}});
  auto connection = DbusConnection::open(server.path(), Peer::program).value();
  const auto reply = connection.call({"", "/", "a.b", "Ping", "", ""});
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().text.find("cannot be read"), std::string::npos);
}

// systemd's private socket answers no other call.
TEST(DbusConnection, AProgramReadsTheDestinationToo) {
  Server server({{kAuth, "OK 1\r\n"},
                 {"BEGIN\r\n", ""},
                 {"org.example.Name", message({.kind = DbusKind::reply, .reply_serial = 1})}});
  auto connection = DbusConnection::open(server.path(), Peer::program).value();
  EXPECT_TRUE(connection.call({"org.example.Name", "/", "a.b", "Ping", "", ""}));
}

TEST(DbusConnection, GarbageIsAnError) {
  Server server({{kAuth, "OK 1\r\n"}, {"BEGIN\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"}});
  auto connection = DbusConnection::open(server.path(), Peer::program).value();
  EXPECT_FALSE(connection.call({"", "/", "a.b", "Ping", "", ""}));
}

}  // namespace
}  // namespace nucleus::sys
