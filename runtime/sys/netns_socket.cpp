#include "runtime/sys/netns_socket.hpp"

#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/sys/process.hpp"
#include "runtime/sys/socket.hpp"

namespace nucleus::sys {
namespace {

tl::unexpected<Error> failed(const char* what, int error) { return fail_errno(what, error); }

// EPERM without membership in the owning user namespace: joins that one first.
Status enter(int netns) {
  if (::setns(netns, CLONE_NEWNET) == 0) {
    return {};
  }
  const int error = errno;
  const UniqueFd owner(error == EPERM ? ::ioctl(netns, NS_GET_USERNS) : -1);
  if (owner && ::setns(owner.get(), CLONE_NEWUSER) == 0 && ::setns(netns, CLONE_NEWNET) == 0) {
    return {};
  }
  return failed("join network namespace", error);
}

// The child is a copy of the caller. Not dumpable, it cannot be read or traced by the owner of the user namespace it joins.
Result<UniqueFd> open_inside(int netns, int domain, int type, int protocol) {
  TRY(set_dumpable(false));
  TRY(enter(netns));
  UniqueFd socket(::socket(domain, type | SOCK_CLOEXEC, protocol));
  return socket ? Result<UniqueFd>(std::move(socket)) : fail_errno("socket");
}

// One message: an errno, with the socket when it is 0.
void send_outcome(int channel, const Result<UniqueFd>& socket) {
  const int error = socket ? 0 : socket.error().sys_errno;
  const std::string_view message(reinterpret_cast<const char*>(&error), sizeof(error));
  const int fd = socket ? socket->get() : -1;
  // Should it fail, the parent reads the end of the channel.
  static_cast<void>(send_message(channel, message, std::span(&fd, socket ? 1 : 0)));
}

Result<UniqueFd> receive_socket(int channel) {
  constexpr const char* kWhat = "socket in another network namespace";
  TRY_ASSIGN(Message message, receive_message(channel, sizeof(int)));
  int error = 0;
  if (message.bytes.size() != sizeof(error)) {
    return failed(kWhat, ECHILD);
  }
  message.bytes.copy(reinterpret_cast<char*>(&error), sizeof(error));
  if (error != 0 || message.fds.size() != 1) {
    return failed(kWhat, error != 0 ? error : EBADMSG);
  }
  return std::move(message.fds.front());
}

}  // namespace

Result<UniqueFd> socket_in(int netns_fd, int domain, int type, int protocol) {
  TRY_ASSIGN(auto channel, socket_pair());
  TRY_ASSIGN(Cloned cloned, clone3({}));
  if (cloned.pid == 0) {
    send_outcome(channel.second.get(), open_inside(netns_fd, domain, type, protocol));
    ::_exit(0);
  }
  Child child(cloned.pid, std::move(cloned.pidfd));
  channel.second.reset();
  auto socket = receive_socket(channel.first.get());
  TRY(child.wait());
  return socket;
}

}  // namespace nucleus::sys
