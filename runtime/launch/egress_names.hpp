// Names in an egress policy: init opens what the follower needs in the container's network namespace, the launcher starts
// the follower with it.
#pragma once

#include <array>

#include "runtime/base/unique_fd.hpp"
#include "runtime/launch/init.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/state/store.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::launch {

// The follower's sockets on their way from init to the launcher, in the order in which they are reported.
class EgressSockets {
 public:
  enum Index : std::size_t { udp4, tcp4, udp6, tcp6, netlink, count };

  // Error: an index that is none, or no descriptor.
  [[nodiscard]] Status take(std::size_t index, UniqueFd fd);
  [[nodiscard]] UniqueFd give(Index index) { return std::move(fds_[index]); }
  [[nodiscard]] int get(Index index) const { return fds_[index].get(); }

 private:
  std::array<UniqueFd, count> fds_;
};

// In init: installs the rules, which send DNS to the follower's port, and reports its sockets. Where the launcher installs
// them (plan::EgressPlan::by_cgroup) it opens and reports the sockets, the netlink one last, and waits for the launcher.
[[nodiscard]] Status install_followed_egress(const InitContext& context);
[[nodiscard]] Status hand_over_egress(const InitContext& context);

// The port that the reported sockets are bound to; 0 when there are none.
[[nodiscard]] Result<std::uint16_t> question_port(const EgressSockets& sockets);

// In the launcher, when the container is set up: starts the follower and writes down what was compiled and who follows.
// The follower ends with the container.
[[nodiscard]] Status start_following(const plan::EgressPlan& plan, const plan::NamespacePlan& namespaces,
                                     const sys::Child& container, EgressSockets sockets,
                                     const state::Directory& directory);

// Of a container that has ended: the follower ends by itself, this sees to it.
void end_following(const state::Directory& directory);

}  // namespace nucleus::launch
