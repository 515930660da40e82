// Which names a container may ask for, and what the addresses behind them may be used for. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/follower/address.hpp"
#include "runtime/follower/follower.hpp"

namespace nucleus::follower {

// A range of protocol numbers with a range of ports: what one element of a name set says beside the address.
struct Grant {
  std::uint8_t first_protocol = 0;
  std::uint8_t last_protocol = 0;
  PortRange ports;
  bool operator==(const Grant&) const = default;
};

class AllowedNames {
 public:
  // Errors: a name or range that is none.
  [[nodiscard]] static Result<AllowedNames> make(const std::vector<AllowedName>& names);

  // `name` as text_of() gives it.
  [[nodiscard]] bool allows(std::string_view name) const;
  // `name` is a name that is allowed with further labels behind it: what a resolver library's search list makes.
  [[nodiscard]] bool allows_a_beginning_of(std::string_view name) const;
  // What `name`'s owner may open at `address`, by all entries that match. Empty: nothing.
  [[nodiscard]] std::vector<Grant> grants(std::string_view name, const Address& address) const;

 private:
  struct Entry {
    std::vector<Grant> grants;
    bool private_addresses = false;
  };
  using Entries = std::multimap<std::string, Entry, std::less<>>;

  // Calls visit(entry) for each entry that matches until it returns true, and returns whether it did.
  template <class Visit>
  bool any_match(std::string_view name, Visit visit) const;

  Entries exact_;
  Entries suffixes_;  // without "*."
};

}  // namespace nucleus::follower
