// Sockets for nftables, in the caller's network namespace and in others.
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

#include "runtime/sys/netns_socket.hpp"
#include "runtime/sys/nftables.hpp"
#include "runtime/sys/nftables_socket.hpp"

namespace nucleus::sys {

Result<UniqueFd> open_nftables() {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!socket) {
    return nftables_error("socket", errno);
  }
  return socket;
}

Result<UniqueFd> open_nftables_in(int netns_fd) {
  auto socket = socket_in(netns_fd, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  return socket ? std::move(socket) : nftables_error("socket in another network namespace", socket.error().sys_errno);
}

}  // namespace nucleus::sys
