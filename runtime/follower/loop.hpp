// The sockets around a Service.
#pragma once

#include <vector>

#include "runtime/follower/event_log.hpp"
#include "runtime/follower/follower.hpp"
#include "runtime/follower/name_sets.hpp"
#include "runtime/follower/resolver.hpp"
#include "runtime/follower/service.hpp"
#include "runtime/follower/tcp_clients.hpp"

namespace nucleus::follower {

class Loop {
 public:
  Loop(const FollowerConfig& config, const FollowerDescriptors& descriptors, AllowedNames names, Resolver resolver);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Serves until the container has ended.
  [[nodiscard]] Status run();

 private:
  [[nodiscard]] Hands hands();
  [[nodiscard]] int timeout() const;
  void add_listeners(std::vector<pollfd>& polled) const;
  void take_datagrams(int socket);
  void reply(const Asker& asker, const std::string& bytes);

  const FollowerDescriptors& descriptors_;
  EventLog log_;
  NameSets sets_;
  Resolver resolver_;
  TcpClients clients_;
  Service service_;
};

}  // namespace nucleus::follower
