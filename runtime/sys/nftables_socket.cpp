#include "runtime/sys/nftables_socket.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "runtime/base/unique_fd.hpp"
#include "runtime/sys/nftables.hpp"

namespace nucleus::sys {
namespace {

constexpr std::size_t kAnswerSize = 32UL * 1024;  // the kernel makes no larger parts of a dump (netlink_dump)

Result<std::size_t> send_once(int socket, const std::string& bytes) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = 0;
  do {
    sent = ::sendto(socket, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel));
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    return nftables_error("send " + std::to_string(bytes.size()) + " bytes", errno);
  }
  return static_cast<std::size_t>(sent);
}

// A transaction has to be one datagram. The buffer's limit is lifted for those who may, and raised as far as allowed for
// the others.
void raise_send_buffer(int socket, std::size_t size) {
  const int wanted = static_cast<int>(std::min<std::size_t>(size + 4096, INT32_MAX / 2));
  if (::setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof(wanted)) != 0) {
    // Should it not suffice, the send says so.
    static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted)));
  }
}

Status send_whole(int socket, const std::string& bytes) {
  Result<std::size_t> sent = send_once(socket, bytes);
  if (!sent && sent.error().sys_errno == EMSGSIZE) {
    raise_send_buffer(socket, bytes.size());
    sent = send_once(socket, bytes);
  }
  if (!sent) {
    return tl::unexpected<Error>(std::move(sent).error());
  }
  return *sent == bytes.size() ? Status{} : nftables_error("send in one piece", EMSGSIZE);
}

struct Datagram {
  std::size_t size = 0;
  bool cut = false;  // longer than the buffer
};

// The next datagram from the kernel; nothing where there is none and `flags` has MSG_DONTWAIT. Other senders are ignored.
Result<std::optional<Datagram>> receive(int socket, void* buffer, std::size_t size, int flags) {
  for (;;) {
    sockaddr_nl sender{};
    iovec data{buffer, size};
    msghdr header{};
    header.msg_name = &sender;
    header.msg_namelen = sizeof(sender);
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    const ssize_t got = ::recvmsg(socket, &header, flags);
    if (got < 0 && errno == EAGAIN) {
      return std::nullopt;
    }
    if (got < 0 && errno != EINTR) {
      return nftables_error("answer", errno);
    }
    if (got >= 0 && header.msg_namelen == sizeof(sender) && sender.nl_pid == 0) {
      return Datagram{static_cast<std::size_t>(got), (header.msg_flags & MSG_TRUNC) != 0};
    }
  }
}

// What is left of an earlier request that failed half way must not be taken for an answer to this one.
Status drain(int socket) {
  std::array<char, 64> ignored{};
  for (;;) {
    auto datagram = receive(socket, ignored.data(), ignored.size(), MSG_DONTWAIT);
    if (!datagram && datagram.error().sys_errno != ENOBUFS) {
      return tl::unexpected<Error>(std::move(datagram).error());
    }
    if (datagram && !*datagram) {
      return {};
    }
  }
}

// An acknowledgement: 0 or an errno, and the sequence number of what it is about.
struct Answer {
  int error = 0;
  std::uint32_t sequence = 0;
};
// `bytes` may be cut off after struct nlmsgerr: what follows is a copy of the request.
std::optional<Answer> parse_answer(std::string_view bytes) {
  nlmsghdr header{};
  nlmsgerr error{};
  if (bytes.size() < sizeof(header) + sizeof(error)) {
    return std::nullopt;
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  std::memcpy(&error, bytes.data() + sizeof(header), sizeof(error));
  if (header.nlmsg_type != NLMSG_ERROR || error.error > 0 || error.error < -4095) {
    return std::nullopt;
  }
  return Answer{-error.error, header.nlmsg_seq};
}

struct Answers {
  std::optional<Answer> failure;  // the first one
  bool acknowledged = false;      // the last message
  bool lost = false;              // there were more than the receive buffer holds; the first ones are there
};

// Takes all answers there are.
Result<Answers> read_answers(int socket, std::uint32_t last) {
  std::array<char, sizeof(nlmsghdr) + sizeof(nlmsgerr)> buffer{};
  Answers answers;
  for (;;) {
    auto datagram = receive(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (!datagram && datagram.error().sys_errno == ENOBUFS) {
      answers.lost = true;
      continue;
    }
    if (!datagram) {
      return tl::unexpected<Error>(std::move(datagram).error());
    }
    if (!*datagram) {
      return answers;
    }
    const auto answer = parse_answer({buffer.data(), (*datagram)->size});
    if (answer && answer->error != 0 && !answers.failure) {
      answers.failure = answer;
    }
    answers.acknowledged = answers.acknowledged || (answer && answer->error == 0 && answer->sequence == last);
  }
}

// What one message of an answer says: whether it was the last, or the kernel's error.
Result<bool> is_last(const MessageView& message, bool dump, const std::string& what) {
  if (message.type == NLMSG_DONE || message.type == NLMSG_ERROR) {
    int error = 0;
    if (message.body.size() < sizeof(error)) {
      return nftables_error(what, EBADMSG);
    }
    std::memcpy(&error, message.body.data(), sizeof(error));
    if (error != 0) {
      return nftables_error(what, error < 0 ? -error : EBADMSG);
    }
    return true;
  }
  return !dump;
}

}  // namespace

tl::unexpected<Error> nftables_error(const std::string& what, int err) {
  if (err == ENOENT) {
    return tl::unexpected<Error>(Error{ErrorCode::kernel, err, "nftables: " + what + ": not known to this kernel"});
  }
  return fail_errno("nftables: " + what, err);
}

Status send_batch(int socket, const NftBatch& batch) {
  TRY(drain(socket));
  TRY(send_whole(socket, batch.bytes));
  TRY_ASSIGN(const Answers answers, read_answers(socket, static_cast<std::uint32_t>(batch.names.size() - 1)));
  if (const auto& failure = answers.failure) {
    return nftables_error(failure->sequence < batch.names.size() ? batch.names[failure->sequence] : "transaction",
                          failure->error);
  }
  if (answers.lost || !answers.acknowledged) {
    return nftables_error("transaction", answers.lost ? ENOBUFS : ENOMSG);
  }
  return {};
}

Status ask(int socket, const std::string& request, std::uint32_t sequence, const std::string& what,
           const std::function<Status(const MessageView&)>& visit) {
  TRY(drain(socket));
  TRY(send_whole(socket, request));
  std::string_view header = request;
  const auto sent = take_message(header);
  const bool dump = sent && (sent->flags & NLM_F_DUMP) == NLM_F_DUMP;
  std::array<char, kAnswerSize> buffer;  // only the pages that are written to cost anything
  for (;;) {
    TRY_ASSIGN(const std::optional<Datagram> datagram, receive(socket, buffer.data(), buffer.size(), 0));
    if (!datagram || datagram->cut) {
      return nftables_error(what, datagram ? EMSGSIZE : ENOMSG);
    }
    std::string_view rest = std::string_view(buffer.data(), datagram->size);
    while (!rest.empty()) {
      const auto message = take_message(rest);
      if (!message) {
        return nftables_error(what, EBADMSG);
      }
      if (message->sequence != sequence) {
        continue;
      }
      if ((message->flags & NLM_F_DUMP_INTR) != 0) {
        return nftables_error(what, EAGAIN);
      }
      TRY_ASSIGN(const bool last, is_last(*message, dump, what));
      if (message->type >= NLMSG_MIN_TYPE) {
        TRY(visit(*message));
      }
      if (last) {
        return {};
      }
    }
  }
}

}  // namespace nucleus::sys
