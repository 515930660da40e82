#include "runtime/follower/tcp_clients.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace nucleus::follower {
namespace {

bool try_again(int error) { return error == EAGAIN || error == EINTR; }

}  // namespace

void TcpClients::accept_from(int listener, Millis now) {
  UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) {
    return;
  }
  if (clients_.size() >= kTcpClients) {
    clients_.erase(std::min_element(clients_.begin(), clients_.end(), [](const auto& left, const auto& right) {
      return left.second.idle_since < right.second.idle_since;
    }));
  }
  Client client;
  client.fd = std::move(fd);
  client.idle_since = now;
  clients_.emplace(next_id_++, std::move(client));
}

void TcpClients::add_sockets(std::vector<pollfd>& polled) const {
  for (const auto& [id, client] : clients_) {
    polled.push_back({client.fd.get(), static_cast<short>(POLLIN | (client.out.empty() ? 0 : POLLOUT)), 0});
  }
}

void TcpClients::process(std::span<const pollfd> polled, Millis now) {
  for (const pollfd& one : polled) {
    const auto found = std::find_if(clients_.begin(), clients_.end(),
                                    [&](const auto& entry) { return entry.second.fd.get() == one.fd; });
    if (one.revents == 0 || found == clients_.end()) {
      continue;
    }
    if ((one.revents & POLLOUT) != 0) {
      flush(found->second);
    }
    if ((one.revents & (POLLIN | POLLERR | POLLHUP)) != 0) {
      read_from(found->first, now);
    }
  }
  drop_broken();
}

void TcpClients::read_from(std::uint64_t id, Millis now) {
  char buffer[kTcpMessageLimit + 2];
  Client& client = clients_.at(id);
  const ssize_t got = ::recv(client.fd.get(), buffer, sizeof buffer, 0);
  if (got <= 0) {
    client.broken = got == 0 || !try_again(errno);
    return;
  }
  client.in.append(buffer, static_cast<std::size_t>(got));
  take_messages(id, now);
}

void TcpClients::take_messages(std::uint64_t id, Millis now) {
  Client& client = clients_.at(id);  // replies do not remove clients
  while (client.in.size() >= 2 && !client.broken) {
    const std::size_t length = static_cast<std::uint8_t>(client.in[0]) << 8U | static_cast<std::uint8_t>(client.in[1]);
    if (length > kTcpMessageLimit) {
      client.broken = true;
      return;
    }
    if (client.in.size() < length + 2) {
      return;
    }
    const std::string message = client.in.substr(2, length);
    client.in.erase(0, length + 2);
    client.idle_since = now;
    take_(message, id);
  }
}

void TcpClients::reply(std::uint64_t client_id, std::string_view message) {
  const auto found = clients_.find(client_id);
  if (found == clients_.end()) {
    return;
  }
  Client& client = found->second;
  if (client.out.size() + message.size() + 2 > kTcpUnsentLimit) {
    client.broken = true;
    return;
  }
  client.out.push_back(static_cast<char>(message.size() >> 8U));
  client.out.push_back(static_cast<char>(message.size() & 0xffU));
  client.out.append(message);
  flush(client);
}

void TcpClients::flush(Client& client) {
  while (!client.out.empty()) {
    const ssize_t sent = ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      client.broken = sent == 0 || !try_again(errno);
      return;
    }
    client.out.erase(0, static_cast<std::size_t>(sent));
  }
}

void TcpClients::close_idle(Millis now) {
  std::erase_if(clients_, [&](const auto& entry) { return entry.second.idle_since + kTcpIdle <= now; });
  drop_broken();
}

void TcpClients::drop_broken() {
  std::erase_if(clients_, [](const auto& entry) { return entry.second.broken; });
}

}  // namespace nucleus::follower
