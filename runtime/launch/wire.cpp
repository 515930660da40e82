#include "runtime/launch/wire.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/sys/seccomp_notify.hpp"
#include "runtime/sys/socket.hpp"

namespace nucleus::launch {
namespace {

template <class Message>
std::string_view bytes_of(const Message& message) {
  return {reinterpret_cast<const char*>(&message), sizeof message};
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
  const std::span<const int> fds(&carried, carried >= 0 ? 1 : 0);
  return sys::send_message(fd_.get(), bytes_of(message), fds);
}

Status ProcessEnd::report_every_call() const {
  Report message;
  message.kind = ReportKind::listener;
  return sys::report_every_call(fd_.get(), bytes_of(message));
}

Result<Order> ProcessEnd::next() const {
  TRY_ASSIGN(const auto message, sys::receive_message(fd_.get()));
  for (const Order order : {Order::proceed, Order::created, Order::start, Order::observe}) {
    if (message.bytes == bytes_of(order)) {
      return order;
    }
  }
  return fail(ErrorCode::internal, "the launching runtime is gone");
}

Status ProcessEnd::expect(Order order) const {
  TRY_ASSIGN(const Order given, next());
  return given == order ? Status{} : fail(ErrorCode::internal, "an unexpected order from the launching runtime");
}

Result<std::optional<LauncherEnd::Received>> LauncherEnd::receive() const {
  auto message = sys::receive_message(fd_.get());
  if (!message && message.error().sys_errno != ECONNRESET) {
    return tl::unexpected<Error>(std::move(message).error());
  }
  if (!message || message->bytes.empty()) {
    return std::optional<Received>();
  }
  Received received;
  if (message->bytes.size() != sizeof received.report || message->fds.size() > 1) {
    return fail(ErrorCode::internal, "a launch message of the wrong form");
  }
  std::memcpy(&received.report, message->bytes.data(), sizeof received.report);
  received.report.detail[sizeof received.report.detail - 1] = '\0';
  if (!message->fds.empty()) {
    received.carried = std::move(message->fds.front());
  }
  return std::optional<Received>(std::move(received));
}

Status LauncherEnd::order(Order order) const { return sys::send_message(fd_.get(), bytes_of(order)); }

Result<Channel> make_channel() {
  TRY_ASSIGN(auto pair, sys::socket_pair());
  return Channel{LauncherEnd(std::move(pair.first)), ProcessEnd(std::move(pair.second))};
}

}  // namespace nucleus::launch
