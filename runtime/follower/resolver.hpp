// Questions to the resolvers of the configuration, by c-ares. No resolv.conf, no hosts file, no search domains, no
// environment. Sockets carry the configured mark, so that the table lets them out and does not redirect them. A
// resolver that turns out to be an address of the container's own network namespace is not asked: the workload could answer.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/follower/address.hpp"
#include "runtime/follower/dns_answer.hpp"
#include "runtime/follower/dns_name.hpp"

namespace nucleus::follower {

class Resolver {
 public:
  using Found = std::function<void(std::optional<Upstream>)>;

  // Reads /dev/urandom once, so before the process is confined. Each resolver is tried twice, for 1.5 and for 3 seconds,
  // so that a failure is known before a client's own five seconds are over.
  [[nodiscard]] static Result<Resolver> make(const std::vector<Address>& resolvers, std::uint32_t mark);
  Resolver(Resolver&&) noexcept;
  Resolver& operator=(Resolver&&) noexcept;
  ~Resolver();

  // `found` is called once: from here, or from process(). Nothing: no resolver gave a usable answer. Answers that do not
  // fit into 512 bytes are fetched again over TCP.
  void ask(const WireName& name, std::uint16_t type, Found found);

  // For the poll loop: adds the sockets in use; handles what poll(2) said about those, and timeouts.
  void add_sockets(std::vector<pollfd>& polled) const;
  void process(std::span<const pollfd> polled);
  // Milliseconds until process() has to be called whatever happens on sockets; -1: no need.
  [[nodiscard]] int timeout() const;

 private:
  struct Channel;
  explicit Resolver(std::unique_ptr<Channel> channel);
  std::unique_ptr<Channel> channel_;
};

}  // namespace nucleus::follower
