// DNS over TCP (RFC 7766): a few clients at once, each with a little patience.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/unique_fd.hpp"
#include "runtime/follower/bindings.hpp"

namespace nucleus::follower {

inline constexpr std::size_t kTcpClients = 8;  // beyond, the one that has been idle longest is closed
inline constexpr Millis kTcpIdle = 5 * 1000;
inline constexpr std::size_t kTcpMessageLimit = 2048;      // of a question; who sends longer ones is closed
inline constexpr std::size_t kTcpUnsentLimit = 64 * 1024;  // of replies that the client does not take

class TcpClients {
 public:
  using Take = std::function<void(std::string_view message, std::uint64_t client)>;
  explicit TcpClients(Take take) : take_(std::move(take)) {}

  void accept_from(int listener, Millis now);
  void add_sockets(std::vector<pollfd>& polled) const;
  void process(std::span<const pollfd> polled, Millis now);
  void reply(std::uint64_t client, std::string_view message);
  void close_idle(Millis now);
  [[nodiscard]] bool empty() const { return clients_.empty(); }

 private:
  struct Client {
    UniqueFd fd;
    std::string in, out;
    Millis idle_since = 0;
    bool broken = false;
  };
  void read_from(std::uint64_t id, Millis now);
  void take_messages(std::uint64_t id, Millis now);
  static void flush(Client& client);
  void drop_broken();

  Take take_;
  std::map<std::uint64_t, Client> clients_;
  std::uint64_t next_id_ = 1;
};

}  // namespace nucleus::follower
