// Tables for the tests of nftables: the kinds of chains, sets and expressions an egress policy has.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/nft.hpp"

namespace nucleus::sys::test {

inline const std::vector<nft::Field> kFlow4 = {nft::Field::ipv4_addr, nft::Field::inet_proto, nft::Field::inet_service};
inline const std::vector<nft::Field> kFlow6 = {nft::Field::ipv6_addr, nft::Field::inet_proto, nft::Field::inet_service};
inline constexpr std::uint64_t kHour = 3600000;

inline nft::Bytes flow4(std::array<std::uint8_t, 4> address, std::uint8_t protocol, std::uint16_t port) {
  return {address[0],
          address[1],
          address[2],
          address[3],
          protocol,
          0,
          0,
          0,
          static_cast<std::uint8_t>(port >> 8U),
          static_cast<std::uint8_t>(port),
          0,
          0};
}

inline nft::Element range4(std::array<std::uint8_t, 4> from, std::array<std::uint8_t, 4> to, std::uint8_t protocol,
                           std::uint16_t first_port, std::uint16_t last_port, std::uint64_t timeout_ms = 0) {
  return {flow4(from, protocol, first_port), flow4(to, protocol, last_port), timeout_ms};
}

inline nft::Element point4(std::array<std::uint8_t, 4> address, std::uint8_t protocol, std::uint16_t port,
                           std::uint64_t timeout_ms = 0) {
  return range4(address, address, protocol, port, port, timeout_ms);
}

inline nft::Set interval_set(const std::string& name, const std::vector<nft::Field>& fields,
                             std::vector<nft::Element> elements = {}) {
  return {.name = name, .fields = fields, .interval = true, .elements = std::move(elements)};
}
inline nft::Set names_set(const std::string& name, const std::vector<nft::Field>& fields) {
  return {.name = name, .fields = fields, .interval = true, .timeout = true, .elements = {}};
}
inline nft::Set denied_set(const std::string& name, const std::vector<nft::Field>& fields) {
  return {.name = name,
          .fields = fields,
          .dynamic = true,
          .timeout = true,
          .timeout_ms = kHour,
          .size = 256,
          .elements = {}};
}

inline nft::Compare equal(nft::Bytes value, nft::Register reg = 0) {
  return {nft::CompareOp::equal, reg, std::move(value)};
}

using Expressions = std::vector<nft::Expression>;

// meta nfproto, destination . protocol . destination port in the registers a concatenation has.
inline Expressions load_flow4() {
  return {nft::LoadMeta{nft::MetaKey::nfproto, 0}, equal({2}), nft::LoadPayload{nft::PayloadBase::network, 16, 4, 0},
          nft::LoadMeta{nft::MetaKey::l4proto, 1}, nft::LoadPayload{nft::PayloadBase::transport, 2, 2, 2}};
}
inline Expressions load_flow6() {
  return {nft::LoadMeta{nft::MetaKey::nfproto, 0}, equal({10}), nft::LoadPayload{nft::PayloadBase::network, 24, 16, 0},
          nft::LoadMeta{nft::MetaKey::l4proto, 4}, nft::LoadPayload{nft::PayloadBase::transport, 2, 2, 5}};
}
inline Expressions joined(Expressions left, const Expressions& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline nft::Rule rule(Expressions expressions) { return {std::move(expressions), ""}; }

inline nft::Rule loopback_rule() {
  return rule({nft::LoadMeta{nft::MetaKey::oif, 0}, equal({1, 0, 0, 0}), nft::Decide{nft::Verdict::accept}});
}
inline nft::Rule established_rule() {
  return rule({nft::LoadCtState{0}, nft::Mask{0, {6, 0, 0, 0}},
               nft::Compare{nft::CompareOp::not_equal, 0, {0, 0, 0, 0}}, nft::Decide{nft::Verdict::accept}});
}
inline nft::Rule neighbour_rule() {
  return rule({nft::LoadMeta{nft::MetaKey::l4proto, 0}, equal({58}),
               nft::LoadPayload{nft::PayloadBase::transport, 0, 1, 0}, equal({135}),
               nft::Decide{nft::Verdict::accept}});
}
inline nft::Rule drop_rule() { return rule({nft::Count{}, nft::Decide{nft::Verdict::drop}}); }

// One chain, six rules, two dynamic sets: what a container gets that may reach nothing.
inline nft::Table deny_all(const std::string& name, bool with_dynamic_sets = true, bool with_ct = true) {
  nft::Table table{.name = name, .comment = "deny all", .sets = {}, .chains = {}};
  nft::Chain output{"output", nft::ChainType::filter, 0, nft::Verdict::drop, {loopback_rule()}};
  if (with_ct) {
    output.rules.push_back(established_rule());
  }
  output.rules.push_back(neighbour_rule());
  if (with_dynamic_sets) {
    table.sets = {denied_set("denied4", kFlow4), denied_set("denied6", kFlow6)};
    output.rules.push_back(rule(joined(load_flow4(), {nft::Update{"denied4", 0, kHour}})));
    output.rules.push_back(rule(joined(load_flow6(), {nft::Update{"denied6", 0, kHour}})));
  }
  output.rules.push_back(drop_rule());
  table.chains = {std::move(output)};
  return table;
}

// All that nft::Expression and nft::Set can say, but for the cgroup of the socket.
inline nft::Table allow_some(const std::string& name) {
  nft::Table table = deny_all(name);
  table.comment = "policy 0123456789abcdef";
  table.sets.push_back(interval_set(
      "allow4", kFlow4, {point4({1, 2, 3, 4}, 17, 53), range4({10, 0, 0, 0}, {10, 255, 255, 255}, 6, 80, 443)}));
  table.sets.push_back(names_set("names4", kFlow4));
  table.sets.push_back({.name = "single", .fields = {nft::Field::ipv4_addr}, .elements = {{{192, 0, 2, 1}, {}, 0}}});
  const nft::Decide accept{nft::Verdict::accept};
  auto& rules = table.chains.front().rules;
  rules.insert(rules.begin() + 3, {rule(joined(load_flow4(), {nft::Lookup{"allow4", 0}, accept})),
                                   rule(joined(load_flow4(), {nft::Lookup{"names4", 0}, accept}))});
  table.chains.push_back(
      {"dns",
       nft::ChainType::nat,
       -100,
       nft::Verdict::accept,
       {rule({nft::LoadMeta{nft::MetaKey::mark, 0}, nft::Compare{nft::CompareOp::not_equal, 0, {0x17, 0, 0, 0}},
              nft::LoadMeta{nft::MetaKey::l4proto, 0}, equal({17}),
              nft::LoadPayload{nft::PayloadBase::transport, 2, 2, 0}, equal({0, 53}), nft::RedirectTo{5353}})}});
  return table;
}

}  // namespace nucleus::sys::test
