#include "runtime/launch/wire.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace nucleus::launch {
namespace {

// One message, with room for one descriptor.
struct Envelope {
  iovec data{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};

  Envelope(void* bytes, std::size_t size) {
    data = {bytes, size};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
  }
  void carry(int fd) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(item), &fd, sizeof fd);
  }
  void make_room() {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
  [[nodiscard]] UniqueFd carried() {
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    if (item == nullptr || item->cmsg_type != SCM_RIGHTS || item->cmsg_len != CMSG_LEN(sizeof(int))) {
      return {};
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(item), sizeof fd);
    return UniqueFd(fd);
  }
};

Status send_whole(int fd, Envelope& envelope) {
  while (::sendmsg(fd, &envelope.header, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) {
      return fail_errno("send to the other half of the launch");
    }
  }
  return {};
}

// Bytes received, 0 at end of file.
Result<std::size_t> receive_whole(int fd, Envelope& envelope) {
  for (;;) {
    const ssize_t got = ::recvmsg(fd, &envelope.header, MSG_CMSG_CLOEXEC);
    if (got >= 0) {
      return static_cast<std::size_t>(got);
    }
    if (errno == ECONNRESET) {
      return std::size_t{0};
    }
    if (errno != EINTR) {
      return fail_errno("receive from the other half of the launch");
    }
  }
}

}  // namespace

Status ProcessEnd::report(ReportKind kind, std::size_t op, const Error* error, int carried) const {
  Report message;
  message.kind = kind;
  message.op = static_cast<std::uint32_t>(op);
  if (error != nullptr) {
    message.sys_errno = error->sys_errno;
    message.code = static_cast<std::uint32_t>(error->code);
    const std::size_t length = std::min(error->text.size(), sizeof message.detail - 1);
    std::memcpy(message.detail, error->text.data(), length);
  }
  Envelope envelope(&message, sizeof message);
  if (carried >= 0) {
    envelope.carry(carried);
  }
  return send_whole(fd_.get(), envelope);
}

Status ProcessEnd::expect(Order order) const {
  Order got{};
  Envelope envelope(&got, sizeof got);
  TRY_ASSIGN(const std::size_t size, receive_whole(fd_.get(), envelope));
  if (size != sizeof got || got != order) {
    return fail(ErrorCode::internal, "the launching runtime is gone");
  }
  return {};
}

Result<std::optional<LauncherEnd::Received>> LauncherEnd::receive() const {
  Received received;
  Envelope envelope(&received.report, sizeof received.report);
  envelope.make_room();
  TRY_ASSIGN(const std::size_t size, receive_whole(fd_.get(), envelope));
  if (size == 0) {
    return std::optional<Received>();
  }
  if (size != sizeof received.report) {
    return fail(ErrorCode::internal, "a launch message of the wrong size");
  }
  received.report.detail[sizeof received.report.detail - 1] = '\0';
  received.carried = envelope.carried();
  return std::optional<Received>(std::move(received));
}

Status LauncherEnd::order(Order order) const {
  Envelope envelope(&order, sizeof order);
  return send_whole(fd_.get(), envelope);
}

Result<Channel> make_channel() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return fail_errno("socketpair");
  }
  return Channel{LauncherEnd(UniqueFd(pair[0])), ProcessEnd(UniqueFd(pair[1]))};
}

}  // namespace nucleus::launch
