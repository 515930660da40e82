// The container's side of DNS: strict reading of a question, and the replies to it (RFC 1035, 6891, 8914). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/follower/address.hpp"
#include "runtime/follower/dns_name.hpp"

namespace nucleus::follower {

enum class Rcode : std::uint8_t { noerror = 0, formerr = 1, servfail = 2, nxdomain = 3, notimp = 4, refused = 5 };

inline constexpr std::uint16_t kTypeA = 1;
inline constexpr std::uint16_t kTypeAaaa = 28;

struct Question {
  std::uint16_t id = 0;
  bool recursion_desired = false;
  bool checking_disabled = false;
  WireName name;  // in the case it was asked in
  std::uint16_t type = 0;
  bool edns = false;
  std::uint16_t udp_limit = 512;  // what the client says it can take, at least 512
};

// What to say to something that is no question for us: header and, where it could be read, nothing else of it.
struct Reject {
  std::string reply;  // empty: say nothing
};

// Exactly one question of class IN, opcode QUERY, at most one additional record and that an EDNS one of version 0, and no
// byte behind it. Not answered at all: what is too short for a header, and replies.
[[nodiscard]] std::variant<Question, Reject> parse_question(std::string_view bytes);

struct Answer {
  Rcode rcode = Rcode::noerror;
  std::vector<Address> addresses;  // of the question's family
  std::uint32_t ttl = 0;           // seconds
  bool prohibited = false;         // by policy: said as extended DNS error 18 to who understands EDNS
};

enum class Carrier : std::uint8_t { udp, tcp };  // over TCP the two bytes of length are not included

// Over UDP a reply that does not fit what the client takes, or 1232 bytes, comes without answers and with the TC bit.
[[nodiscard]] std::string compose_reply(const Question& question, const Answer& answer, Carrier carrier);

// The query that goes upstream: one question, recursion desired, no EDNS.
[[nodiscard]] std::string compose_query(std::uint16_t id, const WireName& name, std::uint16_t type);

}  // namespace nucleus::follower
