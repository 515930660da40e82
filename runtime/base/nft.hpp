// An nftables table as plain data: compiled by hardening/egress, encoded and sent by runtime/sys/nftables. Only what an
// egress policy needs. Each rule carries what the kernel evaluates and, beside it, its text in nft(8)'s own syntax.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace nucleus::nft {

using Bytes = std::vector<std::uint8_t>;  // as in a packet: network byte order, unless said otherwise

// A 32-bit register, 0..15 (NFT_REG32_00 + n). A value of N bytes takes (N + 3) / 4 of them, padded with zeros.
using Register = std::uint8_t;

enum class MetaKey : std::uint8_t { nfproto, l4proto, oif, mark };  // 1, 1, 4 and 4 bytes; the last two in host order
enum class PayloadBase : std::uint8_t { network, transport };
enum class CompareOp : std::uint8_t { equal, not_equal };
enum class Verdict : std::uint8_t { accept, drop };

struct LoadMeta {
  MetaKey key = MetaKey::l4proto;
  Register to = 0;
  bool operator==(const LoadMeta&) const = default;
};
struct LoadPayload {
  PayloadBase base = PayloadBase::network;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  Register to = 0;
  bool operator==(const LoadPayload&) const = default;
};
struct LoadCtState {  // 4 bytes, a bit mask in host order
  Register to = 0;
  bool operator==(const LoadCtState&) const = default;
};
struct LoadSocketCgroup {  // id of the socket's cgroup v2 ancestor at `level`, 8 bytes in host order
  std::uint32_t level = 0;
  Register to = 0;
  bool operator==(const LoadSocketCgroup&) const = default;
};
struct LoadSourceType {  // fib saddr type: 4 bytes in host order, RTN_LOCAL for an address of the machine's own
  Register to = 0;
  bool operator==(const LoadSourceType&) const = default;
};
struct Mask {  // register &= mask; 4 bytes
  Register reg = 0;
  Bytes mask;
  bool operator==(const Mask&) const = default;
};
struct Compare {
  CompareOp op = CompareOp::equal;
  Register reg = 0;
  Bytes value;
  bool operator==(const Compare&) const = default;
};
struct Lookup {  // goes on when the key that begins in `reg` is in `set`
  std::string set;
  Register reg = 0;
  bool operator==(const Lookup&) const = default;
};
struct Update {  // adds the key that begins in `reg` to a dynamic set, or restarts its timeout
  std::string set;
  Register reg = 0;
  std::uint64_t timeout_ms = 0;
  bool operator==(const Update&) const = default;
};
struct Count {
  bool operator==(const Count&) const = default;
};
struct RedirectTo {  // to this port of the machine itself; only in a nat chain
  std::uint16_t port = 0;
  bool operator==(const RedirectTo&) const = default;
};
struct Decide {
  Verdict verdict = Verdict::drop;
  bool operator==(const Decide&) const = default;
};

using Expression = std::variant<LoadMeta, LoadPayload, LoadCtState, LoadSocketCgroup, LoadSourceType, Mask, Compare,
                                Lookup, Update, Count, RedirectTo, Decide>;

struct Rule {
  std::vector<Expression> expressions;
  std::string text;  // as `nft list table` prints it, without counter values
  bool operator==(const Rule&) const = default;
};

enum class Field : std::uint8_t { ipv4_addr, ipv6_addr, inet_proto, inet_service };  // nft's type names

// One element: the concatenation of all fields, each padded to 4 bytes. `last` is inclusive, field by field; empty in
// sets without intervals.
struct Element {
  Bytes first;
  Bytes last;
  std::uint64_t timeout_ms = 0;  // 0: the set's own, or never
  bool operator==(const Element&) const = default;
};

struct Set {
  std::string name;
  std::vector<Field> fields;  // more than one: a concatenation
  bool interval = false;
  bool dynamic = false;          // rules add to it
  bool timeout = false;          // elements may have one
  std::uint64_t timeout_ms = 0;  // for elements that do not say; 0: never
  std::uint32_t size = 0;        // 0: no limit
  std::vector<Element> elements;
  bool operator==(const Set&) const = default;
};

enum class ChainType : std::uint8_t { filter, nat };

enum class Hook : std::uint8_t { output, forward, postrouting };

// A base chain.
struct Chain {
  std::string name;
  ChainType type = ChainType::filter;
  std::int32_t priority = 0;
  Verdict policy = Verdict::drop;
  std::vector<Rule> rules{};
  Hook hook = Hook::output;
  bool operator==(const Chain&) const = default;
};

// Of family inet: both address families in one table.
struct Table {
  std::string name;     // nft identifier, at most 255 bytes
  std::string comment;  // kept as the table's user data; "" for none
  std::vector<Set> sets;
  std::vector<Chain> chains;
  bool operator==(const Table&) const = default;
};

// As `nft list table inet NAME` prints it, without handles and counter values.
[[nodiscard]] std::string to_text(const Table& table);

}  // namespace nucleus::nft
