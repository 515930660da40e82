// Addresses as the follower sees them, and which of them a name may lead to.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nucleus::follower {

struct Address {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4: the first four, the rest zero
  auto operator<=>(const Address&) const = default;
};

// inet_pton(3)'s forms.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
[[nodiscard]] std::string to_string(const Address& address);

// What the owner of a name could gain by letting it lead there (DNS rebinding).
enum class Reach : std::uint8_t {
  open,     // documentation ranges included: nothing is there
  inside,   // RFC 1918, RFC 6598, RFC 2544, RFC 4193, site-local: only for entries that say `private_addresses`
  special,  // never: loopback, unspecified, link-local, multicast, reserved, clouds' metadata services, and IPv6 forms
            // that stand for an IPv4 address (mapped, compatible, Teredo; NAT64 and 6to4 count as what they carry)
};
[[nodiscard]] Reach reach_of(const Address& address);

// A resolver can be private, or link-local in IPv4 (clouds, pasta). Not loopback, where the workload itself could answer, and
// nothing that is no single machine or needs an interface to be named.
[[nodiscard]] bool can_be_resolver(const Address& address);

}  // namespace nucleus::follower
