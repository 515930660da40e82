#include "hardening/egress_compile.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "hardening/digest.hpp"
#include "hardening/egress_intervals.hpp"

namespace nucleus::hardening {
namespace {

using nft::Bytes;
using nft::Compare;
using nft::CompareOp;
using nft::Expression;
using nft::Field;
using nft::LoadMeta;
using nft::LoadPayload;
using nft::MetaKey;
using nft::PayloadBase;
using nft::Rule;

constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint32_t kLoopbackIndex = 1;      // LOOPBACK_IFINDEX: the first interface of every namespace
constexpr std::uint32_t kLocal = 2;              // RTN_LOCAL
constexpr std::uint32_t kEstablished = 1U << 1;  // NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
constexpr std::uint64_t kDeniedTimeoutMs = 600'000;
constexpr std::uint32_t kDeniedSize = 64;
constexpr std::int32_t kDestinationNat = -100;  // NF_IP_PRI_NAT_DST
constexpr std::size_t kLongestComment = 127;

constexpr std::uint8_t kNfprotoIpv4 = 2;  // linux/netfilter.h, whose netinet/in.h is another one
constexpr std::uint8_t kNfprotoIpv6 = 10;

struct FamilyRow {
  std::string_view keyword;
  std::string_view suffix;
  std::string_view icmp_name;
  std::uint32_t destination;  // offset in the header
  std::uint32_t length;
  std::uint8_t nfproto;
  std::uint8_t icmp;
  Field field;
  bool v6;
};
constexpr FamilyRow kFamilies[] = {
    {"ip", "4", "icmp", 16, 4, kNfprotoIpv4, IPPROTO_ICMP, Field::ipv4_addr, false},
    {"ip6", "6", "ipv6-icmp", 24, 16, kNfprotoIpv6, IPPROTO_ICMPV6, Field::ipv6_addr, true},
};
const FamilyRow& family_of(const Address& address) { return kFamilies[address.v6 ? 1 : 0]; }

template <class Number>
Bytes host_order(Number value) {
  Bytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

Bytes port_bytes(std::uint16_t port) {
  return {static_cast<std::uint8_t>(port >> 8U), static_cast<std::uint8_t>(port)};
}

// ---- matches, each the expressions and nft's text of them --------------------------------------------------------------

void add(Rule& rule, std::vector<Expression> expressions, const std::string& text) {
  rule.expressions.insert(rule.expressions.end(), expressions.begin(), expressions.end());
  rule.text += (rule.text.empty() || text.empty() ? "" : " ") + text;
}

Rule decided(Rule rule, nft::Verdict verdict) {
  add(rule, {nft::Decide{verdict}}, verdict == nft::Verdict::accept ? "accept" : "drop");
  return rule;
}

void match_family(Rule& rule, const FamilyRow& family) {
  add(rule, {LoadMeta{MetaKey::nfproto, 0}, Compare{CompareOp::equal, 0, {family.nfproto}}}, "");
}

void match_protocol(Rule& rule, std::uint8_t protocol) {
  add(rule, {LoadMeta{MetaKey::l4proto, 0}, Compare{CompareOp::equal, 0, {protocol}}}, "");
}

void match_mark(Rule& rule, CompareOp op) {
  add(rule, {LoadMeta{MetaKey::mark, 0}, Compare{op, 0, host_order(kFollowerMark)}},
      std::string("meta mark ") + (op == CompareOp::equal ? "" : "!= ") + "0x6e75636c");
}

void match_address(Rule& rule, const Address& address) {
  const FamilyRow& family = family_of(address);
  match_family(rule, family);
  add(rule,
      {LoadPayload{PayloadBase::network, family.destination, family.length, 0},
       Compare{CompareOp::equal, 0, Bytes(address.bytes.begin(), address.bytes.begin() + family.length)}},
      std::string(family.keyword) + " daddr " + to_string(address));
}

void match_port(Rule& rule, std::uint8_t protocol, std::uint16_t port) {
  match_protocol(rule, protocol);
  add(rule, {LoadPayload{PayloadBase::transport, 2, 2, 0}, Compare{CompareOp::equal, 0, port_bytes(port)}},
      std::string(protocol == IPPROTO_TCP ? "tcp" : "udp") + " dport " + std::to_string(port));
}

// address . protocol . port from register 0 on.
std::string load_key(Rule& rule, const FamilyRow& family) {
  const auto after = static_cast<nft::Register>(family.length / 4);
  const auto port = static_cast<nft::Register>(after + 1);
  add(rule,
      {LoadPayload{PayloadBase::network, family.destination, family.length, 0}, LoadMeta{MetaKey::l4proto, after},
       LoadPayload{PayloadBase::transport, 2, 2, port}},
      "");
  return std::string(family.keyword) + " daddr . meta l4proto . th dport";
}

// ---- rules ----------------------------------------------------------------------------------------------------------

void match_loopback(Rule& rule, CompareOp op) {
  add(rule, {LoadMeta{MetaKey::oif, 0}, Compare{op, 0, host_order(kLoopbackIndex)}},
      std::string("oif ") + (op == CompareOp::equal ? "" : "!= ") + "\"lo\"");
}

// From an address of the container's own: a socket may be bound to anybody's (IPV6_FREEBIND), and what a packet from there
// leaves in connection tracking would open the way to that address as an answer.
Rule loopback_rule() {
  Rule rule;
  match_loopback(rule, CompareOp::equal);
  add(rule, {nft::LoadSourceType{0}, Compare{CompareOp::equal, 0, host_order(kLocal)}}, "fib saddr type local");
  return decided(std::move(rule), nft::Verdict::accept);
}

Rule established_rule() {
  Rule rule;
  add(rule,
      {nft::LoadCtState{0}, nft::Mask{0, host_order(kEstablished)},
       Compare{CompareOp::not_equal, 0, host_order(std::uint32_t{0})}},
      "ct state established");
  return decided(std::move(rule), nft::Verdict::accept);
}

Rule neighbour_rule(std::uint8_t type, const std::string& name) {
  Rule rule;
  match_protocol(rule, IPPROTO_ICMPV6);
  add(rule, {LoadPayload{PayloadBase::transport, 0, 1, 0}, Compare{CompareOp::equal, 0, {type}}},
      "icmpv6 type " + name);
  return decided(std::move(rule), nft::Verdict::accept);
}

Rule resolver_rule(const Address& resolver, std::uint8_t protocol, bool follower_only) {
  Rule rule;
  if (follower_only) {
    match_mark(rule, CompareOp::equal);
  }
  match_address(rule, resolver);
  match_port(rule, protocol, kDnsPort);
  return decided(std::move(rule), nft::Verdict::accept);
}

Rule lookup_rule(const FamilyRow& family, const std::string& set) {
  Rule rule;
  match_family(rule, family);
  const std::string key = load_key(rule, family);
  add(rule, {nft::Lookup{set, 0}}, key + " @" + set);
  return decided(std::move(rule), nft::Verdict::accept);
}

// What was denied last, for `receipt` and `events`; the ports of ICMP would be its checksums.
Rule denied_rule(const FamilyRow& family) {
  Rule rule;
  const std::string set = "denied" + std::string(family.suffix);
  match_family(rule, family);
  add(rule, {LoadMeta{MetaKey::l4proto, 0}, Compare{CompareOp::not_equal, 0, {family.icmp}}},
      "meta l4proto != " + std::string(family.icmp_name));
  const std::string key = load_key(rule, family);
  add(rule, {nft::Update{set, 0, 0}}, "update @" + set + " { " + key + " }");
  return rule;
}

Rule drop_rule() {
  Rule rule;
  add(rule, {nft::Count{}}, "counter");
  return decided(std::move(rule), nft::Verdict::drop);
}

// The filter chain sees a redirected packet with the interface it would have left by.
Rule redirected_rule(const Address& loopback, std::uint8_t protocol, std::uint16_t port) {
  Rule rule;
  match_address(rule, loopback);
  match_port(rule, protocol, port);
  return decided(std::move(rule), nft::Verdict::accept);
}

Rule redirect_rule(std::uint8_t protocol, std::uint16_t port) {
  Rule rule;
  match_mark(rule, CompareOp::not_equal);
  match_port(rule, protocol, kDnsPort);
  add(rule, {nft::RedirectTo{port}}, "redirect to :" + std::to_string(port));
  return rule;
}

// ---- sets and chains ------------------------------------------------------------------------------------------------

nft::Set key_set(const std::string& name, const FamilyRow& family) {
  nft::Set set;
  set.name = name + std::string(family.suffix);
  set.fields = {family.field, Field::inet_proto, Field::inet_service};
  return set;
}

void add_allowed(nft::Table& table, nft::Chain& output, const EgressPolicy& policy) {
  for (const FamilyRow& family : kFamilies) {
    nft::Set set = key_set("allow", family);
    set.interval = true;
    set.elements = allowed_elements(policy, family.v6);
    if (!set.elements.empty()) {
      output.rules.push_back(lookup_rule(family, set.name));
      table.sets.push_back(std::move(set));
    }
  }
}

void add_named(nft::Table& table, nft::Chain& output) {
  for (const FamilyRow& family : kFamilies) {
    nft::Set set = key_set("names", family);
    set.interval = true;
    set.timeout = true;
    output.rules.push_back(lookup_rule(family, set.name));
    table.sets.push_back(std::move(set));
  }
}

void add_denied(nft::Table& table, nft::Chain& output) {
  for (const FamilyRow& family : kFamilies) {
    nft::Set set = key_set("denied", family);
    set.dynamic = true;
    set.timeout = true;
    set.timeout_ms = kDeniedTimeoutMs;
    set.size = kDeniedSize;
    table.sets.push_back(std::move(set));
    output.rules.push_back(denied_rule(family));
  }
}

void add_resolvers(nft::Chain& output, const EgressPolicy& policy) {
  if (!policy.dns && !policy.has_names()) {
    return;
  }
  for (const auto& resolver : policy.resolvers) {
    output.rules.push_back(resolver_rule(resolver, IPPROTO_UDP, policy.has_names()));
    output.rules.push_back(resolver_rule(resolver, IPPROTO_TCP, policy.has_names()));
  }
}

void add_redirected(nft::Chain& output, std::uint16_t port) {
  Address loopback4;
  loopback4.bytes = {127, 0, 0, 1};
  Address loopback6{true, {}};
  loopback6.bytes[15] = 1;
  for (const auto& loopback : {loopback4, loopback6}) {
    output.rules.push_back(redirected_rule(loopback, IPPROTO_UDP, port));
    output.rules.push_back(redirected_rule(loopback, IPPROTO_TCP, port));
  }
}

// A socket bound to an interface sends to 127.0.0.1 through it, redirected or not; the output hook sees the interface from
// before that.
nft::Chain wire_chain() {
  nft::Chain chain;
  chain.name = "wire";
  chain.policy = nft::Verdict::accept;
  chain.hook = nft::Hook::postrouting;
  Rule four;
  match_loopback(four, CompareOp::not_equal);
  match_family(four, kFamilies[0]);
  add(four, {LoadPayload{PayloadBase::network, kFamilies[0].destination, 1, 0}, Compare{CompareOp::equal, 0, {127}}},
      "ip daddr 127.0.0.0/8");
  Rule six;
  match_loopback(six, CompareOp::not_equal);
  Address loopback{true, {}};
  loopback.bytes[15] = 1;
  match_address(six, loopback);
  chain.rules = {decided(std::move(four), nft::Verdict::drop), decided(std::move(six), nft::Verdict::drop)};
  return chain;
}

// Source routes and the like, where the config's sysctls let the container forward.
nft::Chain forward_chain() {
  nft::Chain chain;
  chain.name = "forward";
  chain.hook = nft::Hook::forward;
  return chain;
}

nft::Chain dns_chain(std::uint16_t port) {
  nft::Chain chain;
  chain.name = "dns";
  chain.type = nft::ChainType::nat;
  chain.priority = kDestinationNat;
  chain.policy = nft::Verdict::accept;
  chain.rules = {redirect_rule(IPPROTO_UDP, port), redirect_rule(IPPROTO_TCP, port)};
  return chain;
}

std::string hex16(const std::string& text) { return to_hex(sha256(text)).substr(0, 16); }

}  // namespace

std::string egress_table_name(const EgressPolicy& policy, const EgressPlacement& placement) {
  return std::string(kTablePrefix) + hex16(std::string(placement.origin) + "\n" + std::string(placement.id)) + "_" +
         hex16(canonical_text(policy));
}

nft::Table compile_egress(const EgressPolicy& policy, const EgressPlacement& placement) {
  nft::Table table;
  table.name = egress_table_name(policy, placement);
  table.comment = ("egress of container " + std::string(placement.id)).substr(0, kLongestComment);
  nft::Chain output;
  output.name = "output";
  const bool opens = !policy.allow.empty() || policy.dns || policy.broker;
  output.rules.push_back(loopback_rule());
  if (placement.inbound || opens) {
    output.rules.push_back(established_rule());
  }
  output.rules.push_back(neighbour_rule(133, "nd-router-solicit"));
  output.rules.push_back(neighbour_rule(135, "nd-neighbor-solicit"));
  output.rules.push_back(neighbour_rule(136, "nd-neighbor-advert"));
  add_resolvers(output, policy);
  if (policy.has_names()) {
    add_redirected(output, placement.dns_port);
  }
  add_allowed(table, output, policy);
  if (policy.has_names()) {
    add_named(table, output);
  }
  add_denied(table, output);
  output.rules.push_back(drop_rule());
  table.chains.push_back(std::move(output));
  table.chains.push_back(forward_chain());
  if (placement.inbound || opens) {
    table.chains.push_back(wire_chain());
  }
  if (policy.has_names()) {
    table.chains.push_back(dns_chain(placement.dns_port));
  }
  return table;
}

void confine_to_cgroup(nft::Table& table, std::uint64_t id, std::uint32_t level) {
  for (auto& chain : table.chains) {
    if (chain.hook != nft::Hook::output) {  // elsewhere the kernel knows no socket; those chains drop what nobody sends
      continue;
    }
    Rule rule;
    add(rule, {nft::LoadSocketCgroup{level, 0}, Compare{CompareOp::not_equal, 0, host_order(id)}},
        "socket cgroupv2 level " + std::to_string(level) + " != " + std::to_string(id));
    chain.rules.insert(chain.rules.begin(), decided(std::move(rule), nft::Verdict::accept));
  }
  table.name += "_c";
}

std::string contradicting_table(const std::string& own, const std::vector<std::string>& others, bool names) {
  const auto confined = [](std::string_view name) { return name.ends_with("_c"); };
  const auto policy = [](std::string_view name) {
    const auto end = name.ends_with("_c") ? name.size() - 2 : name.size();
    return name.substr(end - std::min<std::size_t>(end, 16), 16);
  };
  for (const auto& other : others) {
    if (other == own || !other.starts_with(kTablePrefix) || (confined(own) && confined(other)) ||
        (!names && policy(own) == policy(other))) {
      continue;
    }
    return other;
  }
  return "";
}

std::vector<nft::Element> name_elements(const Address& address, const EgressEntry& entry) {
  EgressPolicy policy;
  policy.allow.push_back(entry);
  policy.allow.back().name.clear();
  policy.allow.back().block = AddressBlock{address, address.v6 ? 128U : 32U};
  return allowed_elements(policy, address.v6);
}

}  // namespace nucleus::hardening
