// From an egress policy to the nftables table that enforces it in the container's network namespace. Pure.
#pragma once

#include <string_view>

#include "hardening/egress_policy.hpp"
#include "runtime/base/nft.hpp"

namespace nucleus::hardening {

// Where and how the table is used.
struct EgressPlacement {
  std::string_view id;      // the container's
  std::string_view origin;  // what tells containers of the same id apart: the state root
  // Connections from outside can arrive (published ports): their answers must pass. Costs connection tracking, so it is
  // left out where nothing plumbs the namespace and nothing is allowed.
  bool inbound = false;
  std::uint16_t dns_port = 0;  // of the follower, on the namespace's loopback; used when the policy has names
};

inline constexpr std::uint32_t kFollowerMark = 0x6e75636c;  // SO_MARK of the follower's own packets ("nucl")
inline constexpr std::string_view kTablePrefix = "nucleus_";

// What allow-lists share: `allow4` and friends hold address . protocol . port as disjoint intervals, so that networks
// which contain each other are no matter.
[[nodiscard]] nft::Table compile_egress(const EgressPolicy& policy, const EgressPlacement& placement);

// The table's name: prefix, 16 hex digits for the container, 16 for the policy.
[[nodiscard]] std::string egress_table_name(const EgressPolicy& policy, const EgressPlacement& placement);

// Restricts the table to sockets of the cgroup v2 `id` (its inode number), `level` levels below the hierarchy's root: what
// others in a shared namespace send is theirs to judge. What is forwarded, and loopback's addresses on the wire, stay
// forbidden to all. Its name gets the suffix "_c".
void confine_to_cgroup(nft::Table& table, std::uint64_t id, std::uint32_t level);

// In a shared namespace every table judges every packet, unless it is confined to a cgroup: the name among `others` of a
// table that contradicts `own`, or "". Tables that are not ours are not looked at. With `names` every other one does: each
// has a follower of its own, and only one of them is asked.
[[nodiscard]] std::string contradicting_table(const std::string& own, const std::vector<std::string>& others,
                                              bool names);

// Elements for a name set: `address` with the entry's ports and protocols; shared with the follower.
[[nodiscard]] std::vector<nft::Element> name_elements(const Address& address, const EgressEntry& entry);

}  // namespace nucleus::hardening
