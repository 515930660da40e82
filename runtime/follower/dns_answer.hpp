// The upstream side of DNS: what a resolver's answer says about a name, and nothing beyond. Pure; every byte is hostile.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "runtime/follower/address.hpp"
#include "runtime/follower/dns_message.hpp"
#include "runtime/follower/dns_name.hpp"

namespace nucleus::follower {

inline constexpr std::size_t kAddressesPerAnswer = 64;  // the rest is left out
inline constexpr std::size_t kChainLimit = 16;          // CNAMEs in a row
inline constexpr std::size_t kRecordLimit = 1024;       // in the answer section

struct Upstream {
  Rcode rcode = Rcode::servfail;
  std::vector<Address> addresses;  // each once
  std::uint32_t ttl = 0;           // the least on the way, CNAMEs included
};

// The answer to (name, type), type A or AAAA. Nothing: it is malformed, truncated, an answer to something else, or its
// CNAMEs loop. Records of other owners than the name and what its CNAMEs lead to are not looked at, nor are the
// authority and additional sections.
[[nodiscard]] std::optional<Upstream> parse_answer(std::string_view bytes, const WireName& name, std::uint16_t type);

}  // namespace nucleus::follower
