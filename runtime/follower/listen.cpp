#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "runtime/follower/follower.hpp"

namespace nucleus::follower {
namespace {

constexpr int kAttempts = 32;  // ports that are free for one socket may be taken for another
constexpr int kBacklog = 16;

struct LoopbackAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

LoopbackAddress loopback(int family, std::uint16_t port) {
  LoopbackAddress result;
  if (family == AF_INET) {
    auto* address = reinterpret_cast<sockaddr_in*>(&result.storage);
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    result.length = sizeof *address;
  } else {
    auto* address = reinterpret_cast<sockaddr_in6*>(&result.storage);
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(port);
    address->sin6_addr = in6addr_loopback;
    result.length = sizeof *address;
  }
  return result;
}

Result<UniqueFd> listen_on(int family, int type, std::uint16_t port) {
  UniqueFd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return fail_errno("DNS socket");
  }
  const int on = 1;
  if (family == AF_INET6 && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
    return fail_errno("DNS socket");
  }
  const LoopbackAddress address = loopback(family, port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0) {
    return fail_errno("DNS socket");
  }
  if (type == SOCK_STREAM && ::listen(fd.get(), kBacklog) != 0) {
    return fail_errno("DNS socket");
  }
  return fd;
}

Result<std::uint16_t> port_of(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return fail_errno("DNS socket");
  }
  return ntohs(address.sin_port);
}

bool no_ipv6(const Error& error) { return error.sys_errno == EAFNOSUPPORT || error.sys_errno == EADDRNOTAVAIL; }

Result<ListeningSockets> listen_once(std::uint16_t port) {
  ListeningSockets sockets;
  TRY_ASSIGN(sockets.udp4, listen_on(AF_INET, SOCK_DGRAM, port));
  TRY_ASSIGN(sockets.port, port_of(sockets.udp4.get()));
  TRY_ASSIGN(sockets.tcp4, listen_on(AF_INET, SOCK_STREAM, sockets.port));
  auto udp6 = listen_on(AF_INET6, SOCK_DGRAM, sockets.port);
  if (!udp6 && no_ipv6(udp6.error())) {
    return sockets;
  }
  TRY_ASSIGN(sockets.udp6, std::move(udp6));
  TRY_ASSIGN(sockets.tcp6, listen_on(AF_INET6, SOCK_STREAM, sockets.port));
  return sockets;
}

}  // namespace

Result<ListeningSockets> listen_for_questions(std::uint16_t port) {
  auto sockets = listen_once(port);
  for (int attempt = 1; attempt < kAttempts && port == 0 && !sockets && sockets.error().sys_errno == EADDRINUSE;
       ++attempt) {
    sockets = listen_once(port);
  }
  return sockets;
}

}  // namespace nucleus::follower
