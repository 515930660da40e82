#include "runtime/follower/address.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace nucleus::follower {
namespace {

struct Block {
  const char* network;
  unsigned prefix;
  Reach reach;
};

// IANA's special-purpose registries, and what clouds put elsewhere. The first that matches counts.
constexpr Block kBlocks4[] = {
    {"0.0.0.0", 8, Reach::special},           // this network, RFC 1122
    {"127.0.0.0", 8, Reach::special},         // loopback
    {"169.254.0.0", 16, Reach::special},      // link-local, metadata services
    {"192.0.0.0", 24, Reach::special},        // protocol assignments; Oracle's metadata service
    {"224.0.0.0", 3, Reach::special},         // multicast, reserved, broadcast
    {"100.100.100.200", 32, Reach::special},  // Alibaba's metadata service
    {"168.63.129.16", 32, Reach::special},    // Azure's wire server
    {"10.0.0.0", 8, Reach::inside},           // RFC 1918
    {"172.16.0.0", 12, Reach::inside},       {"192.168.0.0", 16, Reach::inside},
    {"100.64.0.0", 10, Reach::inside},  // shared address space, RFC 6598
    {"198.18.0.0", 15, Reach::inside},  // benchmarks, RFC 2544
};
constexpr Block kBlocks6[] = {
    {"fe80::", 10, Reach::special},          // link-local
    {"ff00::", 8, Reach::special},           // multicast
    {"fd00:ec2::254", 128, Reach::special},  // Amazon's metadata service
    {"fd20:ce::254", 128, Reach::special},   // Google's metadata service
    {"::", 96, Reach::special},              // unspecified, loopback, IPv4-compatible
    {"::ffff:0:0", 96, Reach::special},      // IPv4-mapped
    {"::ffff:0:0:0", 96, Reach::special},    // IPv4-translated, RFC 2765
    {"2001::", 32, Reach::special},          // Teredo
    {"64:ff9b:1::", 48, Reach::inside},      // local NAT64, RFC 8215
    {"fec0::", 10, Reach::inside},           // site-local, RFC 3879
    {"fc00::", 7, Reach::inside},            // unique local, RFC 4193
};

bool contains(const Block& block, const Address& address) {
  Address network{address.v6, {}};
  ::inet_pton(address.v6 ? AF_INET6 : AF_INET, block.network, network.bytes.data());
  for (unsigned bit = 0; bit < block.prefix; bit += 8) {
    const unsigned rest = std::min(8U, block.prefix - bit);
    const auto mask = static_cast<std::uint8_t>(0xff00U >> rest);
    if (((network.bytes[bit / 8] ^ address.bytes[bit / 8]) & mask) != 0) {
      return false;
    }
  }
  return true;
}

// The IPv4 address that the network would make of an IPv6 one: well-known NAT64 (RFC 6052), 6to4 (RFC 3056).
std::optional<Address> carried(const Address& address) {
  const auto from = [&](std::size_t offset) {
    Address inner;
    std::copy_n(address.bytes.begin() + static_cast<std::ptrdiff_t>(offset), 4, inner.bytes.begin());
    return inner;
  };
  if (contains({"64:ff9b::", 96, Reach::open}, address)) {
    return from(12);
  }
  if (contains({"2002::", 16, Reach::open}, address)) {
    return from(2);
  }
  return std::nullopt;
}

template <std::size_t N>
Reach find(const Block (&blocks)[N], const Address& address) {
  const auto* found =
      std::find_if(std::begin(blocks), std::end(blocks), [&](const Block& block) { return contains(block, address); });
  return found == std::end(blocks) ? Reach::open : found->reach;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  const std::string copy(text);
  Address address;
  if (copy.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  if (::inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) {
    return address;
  }
  address = {true, {}};
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) {
    return address;
  }
  return std::nullopt;
}

std::string to_string(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
  return text;
}

bool can_be_resolver(const Address& address) {
  if (address.v6) {
    const bool local = contains({"fc00::", 7, Reach::inside}, address);  // those of clouds included
    return local || find(kBlocks6, address) != Reach::special;
  }
  return address.bytes[0] != 0 && address.bytes[0] != 127 && address.bytes[0] < 224;
}

Reach reach_of(const Address& address) {
  if (!address.v6) {
    return find(kBlocks4, address);
  }
  const auto inner = carried(address);
  return inner ? find(kBlocks4, *inner) : find(kBlocks6, address);
}

}  // namespace nucleus::follower
