#include "runtime/sys/seccomp_notify.hpp"

#include <linux/filter.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "runtime/sys/seccomp.hpp"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)  // Linux 5.19
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)  // Linux 6.6
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace nucleus::sys {
namespace {

sock_filter load(std::size_t offset) { return {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)}; }
sock_filter unless(std::uint64_t value, std::uint8_t skip) {
  return {BPF_JMP | BPF_JEQ | BPF_K, 0, skip, static_cast<std::uint32_t>(value)};
}
sock_filter give(std::uint32_t value) { return {BPF_RET | BPF_K, 0, 0, value}; }

// The kernel takes an int as sendmsg's third argument, the filter sees all of it: the upper half is a secret.
constexpr std::uint64_t with_secret(std::uint32_t secret) { return (std::uint64_t{secret} << 32U) | MSG_NOSIGNAL; }

// Little-endian: the low word of an argument comes first.
std::array<sock_filter, 12> all_but(int socket, const msghdr* message, std::uint32_t secret) {
  const auto address = reinterpret_cast<std::uintptr_t>(message);
  constexpr std::size_t kFirst = offsetof(seccomp_data, args);
  constexpr std::size_t kSecond = kFirst + sizeof(std::uint64_t);
  constexpr std::size_t kThird = kSecond + sizeof(std::uint64_t);
  return {load(offsetof(seccomp_data, nr)),
          unless(SYS_sendmsg, 9),
          load(kFirst),
          unless(static_cast<std::uint32_t>(socket), 7),
          load(kSecond),
          unless(address, 5),
          load(kSecond + 4),
          unless(address >> 32U, 3),
          load(kThird + 4),
          unless(secret, 1),
          give(SECCOMP_RET_ALLOW),
          give(SECCOMP_RET_USER_NOTIF)};
}

template <class Install>
Result<UniqueFd> with_listener(unsigned flags, Install install) {
  flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
  auto listener = install(flags | static_cast<unsigned>(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV));
  if (!listener && listener.error().sys_errno == EINVAL) {
    listener = install(flags);
  }
  return listener;
}

Status respond(int listener, std::uint64_t id, int error, std::uint32_t flags) {
  seccomp_notif_resp response{};
  response.id = id;
  response.error = error;
  response.flags = flags;
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) != 0 && errno != ENOENT) {
    return fail_errno("answer a system call");
  }
  return {};
}

}  // namespace

Result<UniqueFd> install_notifying(std::span<const std::uint64_t> code, unsigned flags) {
  return with_listener(flags, [&](unsigned all) { return install_seccomp(code, all); });
}

Status report_every_call(int socket, std::string_view message) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec data{const_cast<char*>(message.data()), message.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* const item = CMSG_FIRSTHDR(&header);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN(sizeof(int));
  std::uint32_t secret = 0;
  if (::getrandom(&secret, sizeof secret, 0) != static_cast<ssize_t>(sizeof secret)) {
    return fail_errno("getrandom");
  }
  const auto code = all_but(socket, &header, secret);
  TRY_ASSIGN(UniqueFd listener,
             with_listener(0, [&](unsigned all) { return install_seccomp(std::span<const sock_filter>(code), all); }));
  const int fd = listener.get();
  std::memcpy(CMSG_DATA(item), &fd, sizeof fd);
  const long sent = ::syscall(SYS_sendmsg, socket, &header, with_secret(secret));
  return sent == static_cast<long>(message.size()) ? Status{} : fail_errno("hand over the listener");
}

Result<std::optional<std::uint64_t>> receive_call(int listener, seccomp_notif& into) {
  std::memset(&into, 0, sizeof into);
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &into) != 0) {
    return errno == ENOENT || errno == EINTR ? Result<std::optional<std::uint64_t>>(std::nullopt)
                                             : fail_errno("receive a system call");
  }
  return into.id;
}

Status let_call_go_on(int listener, std::uint64_t id) {
  return respond(listener, id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

Status fail_call(int listener, std::uint64_t id, int sys_errno) { return respond(listener, id, -sys_errno, 0); }

void wake_in_step(int listener) {
  (void)::ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

}  // namespace nucleus::sys
