// A container's egress table in the kernel: put in by init, judged by the receipt, taken out by delete where the
// namespace is shared.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hardening/egress_record.hpp"
#include "runtime/launch/container.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/state/record.hpp"
#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/nftables.hpp"

namespace nucleus::launch {

// In the caller's network namespace, which must not be `runtime_network`. In a shared one whose other tables contradict
// this one nothing is left behind and the error names the contradiction. One atomic transaction; the socket that it went
// through is returned.
[[nodiscard]] Result<UniqueFd> install_egress(const plan::EgressPlan& plan, const sys::NamespaceId& runtime_network);

// For whoever fails after an installation that succeeded.
void take_back_egress(const plan::EgressPlan& plan, int socket);

// A netlink socket of the caller's network namespace, which must not be `runtime_network`.
[[nodiscard]] Result<UniqueFd> open_egress_socket(const sys::NamespaceId& runtime_network);

// Through the socket that was opened in a shared namespace: confined to `cgroup` where the kernel can, for everybody in the
// namespace where not, which the other members' policies must agree with then. `announce` hears the table's name before it
// is there. Returns what was installed; on error it is not there.
[[nodiscard]] Result<plan::EgressPlan> install_shared_egress(plan::EgressPlan plan, int socket,
                                                             const std::optional<hardening::EgressCgroup>& cgroup,
                                                             const std::function<Status(const std::string&)>& announce);

// The v2 cgroup that process `pid` was born in, a directory of the kernel's first cgroup namespace.
[[nodiscard]] Result<hardening::EgressCgroup> egress_cgroup(int directory, pid_t pid);

// The same from outside, in the network namespace `network`: for a container that another program put together. A table
// of that name which an image brought into a namespace of its own makes room.
[[nodiscard]] Status install_egress_in(const plan::EgressPlan& plan, int network);

// The reference that `delete` goes by; nothing for a namespace of the container's own. `network` is the joined namespace.
[[nodiscard]] Result<std::optional<state::EgressTable>> egress_reference(const plan::LaunchPlan& plan, int network);

// Takes the table out of a shared namespace. A namespace or table that is gone is no error, others are logged.
void remove_egress(const state::Record& record);

// Where the policy has a broker: it answers from the container's network, or the error says so. Waits two seconds at most.
[[nodiscard]] Status check_broker(const Container& container);

// Destinations that were denied last, and how much.
struct DeniedDestination {
  std::string address;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
};
struct EgressTruth {
  bool followed = false;   // the policy has names
  bool following = false;  // and the process that follows them lives
  std::string difference;  // from what was installed; "" when the kernel has exactly that
  std::uint64_t denied_packets = 0;
  std::uint64_t denied_bytes = 0;
  std::vector<DeniedDestination> denied;
};

// nullopt: the container has no table (passthrough, the host's network). Reads the namespace of the container's init.
[[nodiscard]] Result<std::optional<EgressTruth>> read_egress(const Container& container);

}  // namespace nucleus::launch
