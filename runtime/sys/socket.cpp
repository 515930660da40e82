#include "runtime/sys/socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "runtime/base/io.hpp"

namespace nucleus::sys {
namespace {

constexpr std::size_t kMaxFds = 64;

union ControlBuffer {
  cmsghdr align;
  std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> bytes;
};

Result<UniqueFd> make_socket(SocketType type) {
  const int kind = type == SocketType::stream ? SOCK_STREAM : SOCK_SEQPACKET;
  UniqueFd fd(::socket(AF_UNIX, kind | SOCK_CLOEXEC, 0));
  if (!fd) {
    return fail_errno("socket");
  }
  return fd;
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return fail_errno("socket " + path, ENAMETOOLONG);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

std::string path_of_fd(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

// Connecting to a descriptor of the socket's node: no length limit, and the node cannot be exchanged in between.
Result<UniqueFd> connect_to_node(int node, const std::string& name, SocketType type) {
  TRY_ASSIGN(UniqueFd fd, make_socket(type));
  TRY_ASSIGN(const sockaddr_un address, address_of(path_of_fd(node)));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return fail_errno("connect to " + name);
  }
  return fd;
}

void collect_fds(msghdr& header, std::vector<UniqueFd>& fds) {
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
}

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno("socketpair");
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Status send_message(int socket, std::string_view bytes, std::span<const int> fds) {
  if (fds.size() > kMaxFds || (bytes.empty() && !fds.empty())) {
    return fail_errno("send descriptors", EINVAL);
  }
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  ControlBuffer control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = &control;
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(item), fds.data(), fds.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    return fail_errno("sendmsg");
  }
  return static_cast<std::size_t>(sent) == bytes.size() ? Status{} : fail_errno("sendmsg in one piece", EMSGSIZE);
}

Result<Message> receive_message(int socket, std::size_t limit) {
  Message message;
  message.bytes.resize(limit);
  iovec data{message.bytes.data(), limit};
  ControlBuffer control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = &control;
  header.msg_controllen = sizeof(control);
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    return fail_errno("recvmsg");
  }
  collect_fds(header, message.fds);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return fail_errno("recvmsg", EMSGSIZE);
  }
  message.bytes.resize(static_cast<std::size_t>(got));
  return message;
}

Result<UniqueFd> listen_at(int dir, const std::string& name, SocketType type, unsigned mode) {
  TRY_ASSIGN(UniqueFd fd, make_socket(type));
  TRY_ASSIGN(const sockaddr_un address, address_of(path_of_fd(dir) + '/' + name));
  const mode_t saved = ::umask(0777U & ~mode);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  ::umask(saved);
  if (bound != 0) {
    return fail_errno("bind socket " + name, error);
  }
  if (::listen(fd.get(), SOMAXCONN) != 0) {
    return fail_errno("listen on socket " + name);
  }
  return fd;
}

Result<UniqueFd> connect_at(int dir, const std::string& name, SocketType type) {
  TRY_ASSIGN(const UniqueFd node, open_at(dir, name, O_PATH | O_NOFOLLOW));
  return connect_to_node(node.get(), name, type);
}

Result<UniqueFd> connect_to(const std::string& path, SocketType type) {
  TRY_ASSIGN(const UniqueFd node, open_at(AT_FDCWD, path, O_PATH));
  return connect_to_node(node.get(), path, type);
}

Result<UniqueFd> accept_connection(int listener) {
  for (;;) {
    UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (fd) {
      return fd;
    }
    if (errno != EINTR) {
      return fail_errno("accept");
    }
  }
}

}  // namespace nucleus::sys
