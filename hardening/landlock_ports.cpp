// Landlock's TCP ports from the egress policy. They know no addresses, so in a namespace of its own, where loopback is
// nobody else's business, they are left out unless the policy asks for them.
#include <algorithm>

#include "hardening/landlock_rules.hpp"
#include "runtime/base/landlock_rights.hpp"

namespace nucleus::hardening {
namespace {

constexpr unsigned kMostPorts = 4096;  // one rule a port; wider lists are left to the table
constexpr std::uint16_t kDnsPort = 53;

struct Ports {
  bool any = false;
  std::vector<PortRange> ranges;
};

Ports connect_ports(const EgressPolicy& egress) {
  Ports out;
  for (const auto& entry : egress.allow) {
    out.any = out.any || entry.ports.empty();
    if (entry.tcp) {
      out.ranges.insert(out.ranges.end(), entry.ports.begin(), entry.ports.end());
    }
  }
  if (egress.broker) {
    out.ranges.push_back({egress.broker->port, egress.broker->port});
  }
  if (egress.dns || egress.has_names()) {
    out.ranges.push_back({kDnsPort, kDnsPort});
  }
  return out;
}

unsigned count(const std::vector<PortRange>& ranges) {
  unsigned sum = 0;
  for (const auto& range : ranges) {
    sum += range.last - range.first + 1U;
  }
  return sum;
}

void add_ports(LandlockRuleset& rules, const std::vector<PortRange>& ranges, std::uint64_t access) {
  for (const auto& range : ranges) {
    for (unsigned port = range.first; port <= range.last; ++port) {
      rules.ports.push_back({static_cast<std::uint16_t>(port), access});
    }
  }
}

}  // namespace

void add_landlock_ports(LandlockRuleset& rules, const EgressPolicy& egress, bool host_network) {
  if (landlock::all_net_rights(rules.abi) == 0) {
    return;
  }
  const Ports connect = connect_ports(egress);
  const bool wanted = egress.landlock_ports || (host_network && !connect.ranges.empty());
  if (wanted && !connect.any && count(connect.ranges) <= kMostPorts) {
    rules.handled_net |= landlock::kNetConnectTcp;
    add_ports(rules, connect.ranges, landlock::kNetConnectTcp);
  }
  if (egress.bind && count(*egress.bind) <= kMostPorts) {
    rules.handled_net |= landlock::kNetBindTcp;
    add_ports(rules, *egress.bind, landlock::kNetBindTcp);
  }
}

std::vector<std::string> landlock_port_notes(const LandlockRuleset& rules, const EgressPolicy& egress) {
  std::vector<std::string> notes;
  const bool connect = (rules.handled_net & landlock::kNetConnectTcp) != 0;
  const bool bind = (rules.handled_net & landlock::kNetBindTcp) != 0;
  if (connect) {
    notes.emplace_back("Landlock holds TCP connections to the allowed ports");
  }
  if (bind) {
    notes.emplace_back("Landlock holds TCP listeners to the ports of `bind`");
  }
  if ((egress.landlock_ports && !connect) || (egress.bind && !bind)) {
    notes.emplace_back(
        "Landlock holds no TCP ports as asked: this kernel cannot, an entry opens every port, or they are more "
        "than " +
        std::to_string(kMostPorts));
  }
  return notes;
}

}  // namespace nucleus::hardening
