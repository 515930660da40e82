#include "runtime/follower/loop.hpp"

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace nucleus::follower {
namespace {

constexpr int kDatagramsAtOnce = 32;
constexpr std::size_t kDatagramLimit = 2048;  // longer ones are no questions
constexpr int kIdleCheck = 1000;              // milliseconds, while there are TCP clients

Millis monotonic() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<Millis>(now.tv_sec) * 1000 + static_cast<Millis>(now.tv_nsec) / 1000000;
}

int sooner(int left, int right) { return left < 0 ? right : right < 0 ? left : std::min(left, right); }

}  // namespace

Loop::Loop(const FollowerConfig& config, const FollowerDescriptors& descriptors, AllowedNames names, Resolver resolver)
    : descriptors_(descriptors),
      log_(descriptors.log.get()),
      sets_(descriptors.netlink.get(), config.table, config.set4, config.set6),
      resolver_(std::move(resolver)),
      clients_([this](std::string_view message, std::uint64_t client) {
        Asker asker;
        asker.carrier = Carrier::tcp;
        asker.client = client;
        service_.take(message, asker);
      }),
      service_(std::move(names), hands()) {}

Hands Loop::hands() {
  Hands result;
  result.now = monotonic;
  result.ask = [this](const WireName& name, std::uint16_t type, Hands::Found found) {
    resolver_.ask(name, type, std::move(found));
  };
  result.apply = [this](bool v6, const Change& change) { return sets_.apply(v6, change); };
  result.reply = [this](const Asker& asker, const std::string& bytes) { reply(asker, bytes); };
  result.tell = [this](const Event& event) { log_.write(event); };
  return result;
}

void Loop::reply(const Asker& asker, const std::string& bytes) {
  if (asker.carrier == Carrier::tcp) {
    clients_.reply(asker.client, bytes);
    return;
  }
  // A client that is gone, or whose socket is full, asks again.
  (void)!::sendto(asker.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                  reinterpret_cast<const sockaddr*>(&asker.peer), asker.peer_length);
}

void Loop::take_datagrams(int socket) {
  for (int i = 0; i < kDatagramsAtOnce; ++i) {
    char buffer[kDatagramLimit + 1];
    Asker asker;
    asker.socket = socket;
    asker.peer_length = sizeof asker.peer;
    const ssize_t got = ::recvfrom(socket, buffer, sizeof buffer, MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&asker.peer), &asker.peer_length);
    if (got < 0) {
      return;
    }
    if (static_cast<std::size_t>(got) <= kDatagramLimit) {
      service_.take({buffer, static_cast<std::size_t>(got)}, asker);
    }
  }
}

void Loop::add_listeners(std::vector<pollfd>& polled) const {
  const ListeningSockets& questions = descriptors_.questions;
  for (const UniqueFd* one :
       {&descriptors_.container, &questions.udp4, &questions.udp6, &questions.tcp4, &questions.tcp6}) {
    polled.push_back({one->get(), POLLIN, 0});  // poll(2) passes over negative ones
  }
}

int Loop::timeout() const {
  int wait = resolver_.timeout();
  if (const auto due = service_.next_due()) {
    const Millis now = monotonic();
    const Millis left = *due > now ? *due - now : 0;
    wait = sooner(wait, static_cast<int>(std::min<Millis>(left, std::numeric_limits<int>::max())));
  }
  return clients_.empty() ? wait : sooner(wait, kIdleCheck);
}

Status Loop::run() {
  constexpr std::size_t kContainer = 0;
  constexpr std::size_t kListeners = 5;
  for (;;) {
    std::vector<pollfd> polled;
    add_listeners(polled);
    resolver_.add_sockets(polled);
    const std::size_t clients = polled.size();
    clients_.add_sockets(polled);
    const int ready = ::poll(polled.data(), polled.size(), timeout());
    if (ready < 0 && errno != EINTR) {
      return fail_errno("poll");
    }
    if (ready < 0) {
      continue;
    }
    for (std::size_t i = 0; i < kListeners; ++i) {
      if ((polled[i].revents & POLLNVAL) != 0) {
        return fail(ErrorCode::internal, "a descriptor is not open");
      }
    }
    if (polled[kContainer].revents != 0) {
      return {};
    }
    const std::span<const pollfd> all(polled);
    resolver_.process(all.subspan(kListeners, clients - kListeners));
    service_.do_due();
    clients_.process(all.subspan(clients), monotonic());
    for (const std::size_t udp : {1U, 2U}) {
      if (polled[udp].revents != 0) {
        take_datagrams(polled[udp].fd);
      }
    }
    for (const std::size_t tcp : {3U, 4U}) {
      if (polled[tcp].revents != 0) {
        clients_.accept_from(polled[tcp].fd, monotonic());
      }
    }
    clients_.close_idle(monotonic());
  }
}

}  // namespace nucleus::follower
