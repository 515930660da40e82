#include "runtime/follower/dns_answer.hpp"

#include <gtest/gtest.h>

namespace nucleus::follower {
namespace {

using namespace std::string_literals;

const WireName kName = *wire_of("www.example.com");

std::string u16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value)}; }
std::string u32(unsigned value) { return u16(value >> 16U) + u16(value & 0xffffU); }
std::string wire(const std::string& text) {
  const WireName name = wire_of(text).value();
  return {name.begin(), name.end()};
}

std::string record(const std::string& owner, unsigned type, unsigned ttl, const std::string& data, unsigned klass = 1) {
  return wire(owner) + u16(type) + u16(klass) + u32(ttl) + u16(static_cast<unsigned>(data.size())) + data;
}
std::string a(const std::string& owner, unsigned ttl, const std::string& address) {
  const Address parsed = parse_address(address).value();
  return record(owner, 1, ttl, {parsed.bytes.begin(), parsed.bytes.begin() + 4});
}
std::string cname(const std::string& owner, unsigned ttl, const std::string& target) {
  return record(owner, 5, ttl, wire(target));
}

std::string message(const std::vector<std::string>& records, unsigned flags = 0x8180,
                    const std::string& asked = "www.example.com", unsigned type = kTypeA) {
  std::string bytes = u16(7) + u16(flags) + u16(1) + u16(static_cast<unsigned>(records.size())) + u16(0) + u16(0) +
                      wire(asked) + u16(type) + u16(1);
  for (const std::string& one : records) {
    bytes += one;
  }
  return bytes;
}

std::vector<std::string> texts(const Upstream& upstream) {
  std::vector<std::string> result;
  for (const Address& address : upstream.addresses) {
    result.push_back(to_string(address));
  }
  return result;
}
using Texts = std::vector<std::string>;

std::optional<Upstream> parse(const std::string& bytes) { return parse_answer(bytes, kName, kTypeA); }

TEST(DnsAnswer, AddressesWithTheLeastTtl) {
  const auto found = parse(message({a("WWW.example.com", 300, "192.0.2.1"), a("www.example.com", 20, "192.0.2.2"),
                                    a("www.example.com", 400, "192.0.2.1")}));
  ASSERT_TRUE(found);
  EXPECT_EQ(texts(*found), (Texts{"192.0.2.1", "192.0.2.2"}));
  EXPECT_EQ(found->ttl, 20U);
}

TEST(DnsAnswer, FollowsAliasesInAnyOrder) {
  const auto found = parse(message({a("c.example", 300, "192.0.2.3"), cname("b.example", 9, "c.example"),
                                    cname("www.example.com", 60, "b.example")}));
  ASSERT_TRUE(found);
  EXPECT_EQ(texts(*found), Texts{"192.0.2.3"});
  EXPECT_EQ(found->ttl, 9U);
}

TEST(DnsAnswer, StrangersDoNotCount) {
  const auto found =
      parse(message({a("other.example", 300, "192.0.2.66"), a("www.example.com", 300, "192.0.2.1"),
                     record("www.example.com", 16, 1, "\3txt"), record("www.example.com", 1, 1, "abcd", 3)}));
  ASSERT_TRUE(found);
  EXPECT_EQ(texts(*found), Texts{"192.0.2.1"});
  EXPECT_EQ(found->ttl, 300U);
  const auto beside = parse(message({cname("www.example.com", 60, "b.example"), a("www.example.com", 5, "192.0.2.1")}));
  ASSERT_TRUE(beside);
  EXPECT_TRUE(beside->addresses.empty()) << "an alias stands alone";
}

TEST(DnsAnswer, LoopsAndLongChains) {
  EXPECT_FALSE(parse(message({cname("www.example.com", 60, "www.example.com")})));
  EXPECT_FALSE(parse(message({cname("www.example.com", 60, "b.example"), cname("b.example", 60, "www.example.com")})));
  std::vector<std::string> chain = {cname("www.example.com", 60, "n0.example")};
  for (std::size_t i = 0; i + 1 < kChainLimit; ++i) {
    chain.push_back(cname("n" + std::to_string(i) + ".example", 60, "n" + std::to_string(i + 1) + ".example"));
  }
  chain.push_back(a("n15.example", 60, "192.0.2.1"));
  EXPECT_EQ(parse(message(chain)).value_or(Upstream{}).addresses.size(), 1U);
  chain.push_back(cname("n15.example", 60, "n16.example"));
  EXPECT_FALSE(parse(message(chain)));
}

TEST(DnsAnswer, NegativeOnes) {
  EXPECT_EQ(parse(message({}, 0x8183)).value().rcode, Rcode::nxdomain);
  EXPECT_EQ(parse(message({})).value().rcode, Rcode::noerror);
  EXPECT_TRUE(parse(message({})).value().addresses.empty());
  EXPECT_EQ(parse(message({a("www.example.com", 1, "192.0.2.1")}, 0x8182)).value().rcode, Rcode::servfail);
  EXPECT_TRUE(parse(message({a("www.example.com", 1, "192.0.2.1")}, 0x8183)).value().addresses.empty());
  EXPECT_TRUE(parse(message({a("www.example.com", 1, "192.0.2.1")}, 0x8185)).value().addresses.empty());
}

TEST(DnsAnswer, HostileOnes) {
  const std::string good = message({a("www.example.com", 300, "192.0.2.1")});
  ASSERT_TRUE(parse(good));
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(parse(good.substr(0, length))) << length;
  }
  EXPECT_FALSE(parse(message({}, 0x0180))) << "a query";
  EXPECT_FALSE(parse(message({}, 0x8380))) << "truncated";
  EXPECT_FALSE(parse(message({}, 0xa180))) << "an update";
  EXPECT_FALSE(parse(message({}, 0x8180, "other.example.com")));
  EXPECT_FALSE(parse(message({}, 0x8180, "www.example.com", kTypeAaaa)));
  EXPECT_FALSE(parse(message({record("www.example.com", 1, 1, "abc")}))) << "an address of three bytes";
  EXPECT_FALSE(parse(message({record("www.example.com", 5, 1, wire("b.example") + "x")})));
  EXPECT_FALSE(parse(message({record("www.example.com", 5, 1, "\xc0\xff"s)})));
  EXPECT_EQ(parse(message({a("www.example.com", 0x80000001, "192.0.2.1")})).value().ttl, 0U);
}

TEST(DnsAnswer, HugeOnes) {
  std::vector<std::string> many;
  for (unsigned i = 0; i < kRecordLimit; ++i) {
    many.push_back(a("www.example.com", 300, "198.51." + std::to_string(i / 256) + "." + std::to_string(i % 256)));
  }
  EXPECT_EQ(parse(message(many)).value().addresses.size(), kAddressesPerAnswer);
  many.push_back(many.front());
  EXPECT_FALSE(parse(message(many)));
}

TEST(DnsAnswer, IPv6) {
  const Address address = *parse_address("2001:db8::7");
  const auto bytes = message({record("www.example.com", kTypeAaaa, 30, {address.bytes.begin(), address.bytes.end()}),
                              a("www.example.com", 300, "192.0.2.1")},
                             0x8180, "www.example.com", kTypeAaaa);
  const auto found = parse_answer(bytes, kName, kTypeAaaa);
  ASSERT_TRUE(found);
  EXPECT_EQ(texts(*found), Texts{"2001:db8::7"});
}

}  // namespace
}  // namespace nucleus::follower
