// What a container may reach: the typed form of egress.toml and of the grants "egress:ENTRY". Everything else is denied.
//
// ENTRY is a network or a name, with ports or without:
//   192.0.2.0/24            every protocol and port          2001:db8::/32
//   192.0.2.7:443           TCP and UDP port 443             [2001:db8::/32]:8000-8999,9000/tcp
//   example.com:443/tcp     a name, followed as its addresses change
//   *.example.com           any name below it, not the name itself
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace nucleus::hardening {

using AddressBytes = std::array<std::uint8_t, 16>;  // IPv4: the first four

struct Address {
  bool v6 = false;
  AddressBytes bytes{};
  bool operator==(const Address&) const = default;
};

struct AddressBlock {
  Address network;  // without host bits
  unsigned prefix = 0;
  bool operator==(const AddressBlock&) const = default;
};

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 65535;
  bool operator==(const PortRange&) const = default;
};

struct EgressEntry {
  std::string text;    // as written
  std::string origin;  // "policy web (egress.toml:3)", "command line"
  std::optional<AddressBlock> block;
  std::string name;              // lower case, "*.suffix" or exact; "" for a block
  std::vector<PortRange> ports;  // sorted and apart; empty: every protocol and port
  bool tcp = true;
  bool udp = true;
  bool operator==(const EgressEntry&) const = default;
};

struct Endpoint {
  Address address;
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};

struct EgressPolicy {
  std::vector<EgressEntry> allow;
  std::vector<Address> resolvers;  // the DNS servers that may be asked; empty: those of the container's resolv.conf
  bool dns = false;                // the container itself may ask `resolvers` anything (names need no such opening)
  bool private_names = false;      // names may lead to private addresses (RFC 1918, RFC 4193)
  bool landlock_ports = false;     // Landlock's TCP connect ports as well; they count for loopback too
  std::optional<std::vector<PortRange>> bind;  // TCP ports that may be bound (Landlock); absent: any
  std::optional<Endpoint> broker;              // the only destination; excludes allow, resolvers and dns
  bool proxy_variables = true;                 // of the broker, in the process's environment

  [[nodiscard]] bool has_names() const;
  bool operator==(const EgressPolicy&) const = default;
};

// Errors: ErrorCode::invalid_config with the entry and what is wrong with it; host bits, prefix 0, IPv4-mapped addresses,
// names that are not ASCII or too long are refused.
[[nodiscard]] Result<EgressEntry> parse_egress_entry(std::string_view text, std::string origin);
[[nodiscard]] Result<Address> parse_address(std::string_view text);
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text);
[[nodiscard]] Result<std::vector<PortRange>> parse_ports(std::string_view text);

[[nodiscard]] std::string to_string(const Address& address);
[[nodiscard]] std::string to_string(const AddressBlock& block);
[[nodiscard]] std::string to_string(const std::vector<PortRange>& ports);

// The policy in one canonical text: equal exactly for policies that allow the same. Its SHA-256 names the policy.
[[nodiscard]] std::string canonical_text(const EgressPolicy& policy);

}  // namespace nucleus::hardening
