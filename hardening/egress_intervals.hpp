// Overlapping entries of an allow-list as disjoint elements of an nftables set. Pure.
#pragma once

#include <vector>

#include "hardening/egress_policy.hpp"
#include "runtime/base/nft.hpp"

namespace nucleus::hardening {

// Elements address . protocol . port of one family: what any entry allows, none overlapping another, sorted by address;
// the broker counts as an entry, names do not.
[[nodiscard]] std::vector<nft::Element> allowed_elements(const EgressPolicy& policy, bool v6);

// Two entries of a list that allow the same destination twice, or nullopt.
struct EgressOverlap {
  const EgressEntry* first = nullptr;
  const EgressEntry* second = nullptr;
};
[[nodiscard]] std::optional<EgressOverlap> find_overlap(const std::vector<EgressEntry>& entries);

}  // namespace nucleus::hardening
