// What names have opened: addresses with their grants and ends, and the changes that bring a name set of the kernel there.
// Pure. One object stands for one set, of one address family.
//
// The kernel refuses elements that overlap, so the grants of one address become pieces that do not; pieces that change are
// removed and added anew in one transaction. An element's timeout in the kernel is a second longer than its end here,
// where it is removed at its end: the kernel's own timeouts count only when nobody is left to remove.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "runtime/base/nft.hpp"
#include "runtime/base/result.hpp"
#include "runtime/follower/address.hpp"
#include "runtime/follower/allowed_names.hpp"

namespace nucleus::follower {

using Millis = std::uint64_t;  // CLOCK_MONOTONIC, milliseconds

inline constexpr std::size_t kAddressLimit = 4096;  // in one set
inline constexpr Millis kKernelMargin = 1000;

// A grant and when it ends.
struct Lease {
  Grant grant;
  Millis end = 0;
  bool operator==(const Lease&) const = default;
};

struct Holding {
  std::vector<Lease> leases;  // as they were given; may overlap
  std::vector<Lease> pieces;  // as the kernel has them; disjoint, sorted
};

struct Destination {
  Address address;
  std::vector<Grant> grants;
};

// A transaction on the set. When the kernel has taken it, `after` is what holds for those addresses.
struct Change {
  std::vector<nft::Element> remove;
  std::vector<nft::Element> add;
  std::map<Address, Holding> after;
  [[nodiscard]] bool touches_kernel() const { return !remove.empty() || !add.empty(); }
};

class Bindings {
 public:
  // Opens `destinations` until `end`; what is open longer stays so. Error: more addresses than kAddressLimit.
  [[nodiscard]] Result<Change> open(const std::vector<Destination>& destinations, Millis end, Millis now) const;
  // Closes what has ended.
  [[nodiscard]] Change close_ended(Millis now) const;
  void commit(Change change);

  [[nodiscard]] std::optional<Millis> next_end() const;
  [[nodiscard]] std::size_t size() const { return holdings_.size(); }

 private:
  std::map<Address, Holding> holdings_;
  std::optional<Millis> next_end_;
};

// Disjoint pieces that allow the same, each until the last of its leases ends.
[[nodiscard]] std::vector<Lease> pieces_of(const std::vector<Lease>& leases);

}  // namespace nucleus::follower
