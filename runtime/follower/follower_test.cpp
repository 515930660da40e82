#include "runtime/follower/follower.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>

#include "runtime/sys/process.hpp"

namespace nucleus::follower {
namespace {

FollowerConfig config() {
  FollowerConfig result;
  result.table = "table";
  result.names = {{"example.com", {{443, 443}}, true, false, false}};
  result.resolvers = {*parse_address("10.88.0.1")};
  return result;
}

TEST(FollowerConfig, WhatIsWrongWithOne) {
  EXPECT_TRUE(check_config(config()).has_value());
  auto wrong = config();
  wrong.table.clear();
  EXPECT_FALSE(check_config(wrong).has_value());
  wrong = config();
  wrong.names.clear();
  EXPECT_FALSE(check_config(wrong).has_value());
  wrong = config();
  wrong.names[0].name = "a..b";
  EXPECT_FALSE(check_config(wrong).has_value());
  wrong = config();
  wrong.resolvers.clear();
  EXPECT_FALSE(check_config(wrong).has_value());
  wrong.resolvers = {*parse_address("127.0.0.11")};
  EXPECT_FALSE(check_config(wrong).has_value());
  wrong.resolvers.assign(17, *parse_address("10.88.0.1"));
  EXPECT_FALSE(check_config(wrong).has_value());
}

std::uint16_t bound_port(const UniqueFd& fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  return ntohs(address.sin_port);
}

TEST(ListenForQuestions, OnePortForAll) {
  const auto sockets = listen_for_questions(0);
  ASSERT_TRUE(sockets.has_value()) << sockets.error().text;
  EXPECT_NE(sockets->port, 0);
  EXPECT_EQ(bound_port(sockets->udp4), sockets->port);
  EXPECT_EQ(bound_port(sockets->tcp4), sockets->port);
  EXPECT_EQ(static_cast<bool>(sockets->udp6), static_cast<bool>(sockets->tcp6));
  const auto taken = listen_for_questions(sockets->port);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().sys_errno, EADDRINUSE);
}

TEST(StartFollower, SaysWhyAndLeavesNobody) {
  const auto started = start_follower(config(), {});
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().text, "DNS follower: a descriptor is missing");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

// Without a network to administer the descriptors are wrong; what fails late is told as well.
TEST(StartFollower, TellsWhatFailsLate) {
  FollowerDescriptors descriptors;
  auto sockets = listen_for_questions(0);
  ASSERT_TRUE(sockets.has_value());
  descriptors.questions = std::move(*sockets);
  descriptors.netlink = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  descriptors.container = sys::pidfd_open(::getpid()).value();
  descriptors.network_namespace = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const auto started = start_follower(config(), std::move(descriptors));
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().text.rfind("DNS follower: network namespace: ", 0), 0U) << started.error().text;
}

}  // namespace
}  // namespace nucleus::follower
