#include "hardening/egress_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardening/egress_toml.hpp"

namespace nucleus::hardening {
namespace {

using ::testing::HasSubstr;

std::string shown(const EgressEntry& entry) {
  return (entry.block ? to_string(*entry.block) : entry.name) +
         (entry.ports.empty() ? "" : " " + to_string(entry.ports)) + (entry.tcp ? " t" : "") + (entry.udp ? " u" : "");
}

TEST(EgressEntry, Forms) {
  constexpr std::pair<const char*, const char*> kRows[] = {
      {"192.0.2.0/24", "192.0.2.0/24 t u"},
      {"192.0.2.7", "192.0.2.7/32 t u"},
      {"192.0.2.7:443", "192.0.2.7/32 443 t u"},
      {"192.0.2.0/25:80,443/tcp", "192.0.2.0/25 80,443 t"},
      {"192.0.2.0/25:8000-8999,53/udp", "192.0.2.0/25 53,8000-8999 u"},
      {"10.0.0.0/8:1-2,3", "10.0.0.0/8 1-3 t u"},
      {"2001:db8::/32", "2001:db8::/32 t u"},
      {"::1", "::1/128 t u"},
      {"[2001:db8::7]:443", "2001:db8::7/128 443 t u"},
      {"[2001:db8::/64]:80-81/tcp", "2001:db8::/64 80-81 t"},
      {"[2001:db8::/64]", "2001:db8::/64 t u"},
      {"128.0.0.0/1", "128.0.0.0/1 t u"},
      {"Example.COM.", "example.com t u"},
      {"example.com:443/tcp", "example.com 443 t"},
      {"*.example.com:443", "*.example.com 443 t u"},
      {"db", "db t u"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example t u"},
      {"_dns.resolver.example", "_dns.resolver.example t u"},
  };
  for (const auto& [text, expected] : kRows) {
    const auto entry = parse_egress_entry(text, "here");
    ASSERT_TRUE(entry) << text << ": " << entry.error().text;
    EXPECT_EQ(shown(*entry), expected);
    EXPECT_EQ(entry->text, text);
    EXPECT_EQ(entry->origin, "here");
  }
}

TEST(EgressEntry, Refused) {
  const std::string label(64, 'a');
  std::string long_name;
  for (int i = 0; i < 5; ++i) {
    long_name += std::string(60, 'a') + ".";
  }
  const std::pair<std::string, std::string> rows[] = {
      {"", "expected a network or a name"},
      {"10.0.0.1/8", "host bits are set; the network is 10.0.0.0/8"},
      {"2001:db8::1/32", "host bits are set; the network is 2001:db8::/32"},
      {"0.0.0.0/0", "prefix 0"},
      {"::/0", "prefix 0"},
      {"[::/0]:443", "prefix 0"},
      {"10.0.0.0/33", "prefix length"},
      {"10.0.0.0/-1", "prefix length"},
      {"10.0.0.0/08", "prefix length"},
      {"10.0.0.0/", "prefix length"},
      {"10.0.0.0/8/8", "prefix length"},
      {"10.0.0", "not an address"},
      {"10.0.0.256", "not an address"},
      {"010.0.0.1/8", "not an address"},
      {"1.2.3.4.5", "not an address"},
      {"::ffff:10.0.0.1", "mapped"},
      {"[::ffff:0:0/96]:443", "mapped"},
      {"[10.0.0.1]:80", "for IPv6"},
      {"2001:db8::1:443/tcp", "prefix length"},
      {"[2001:db8::1", "expected [ADDRESS"},
      {"[2001:db8::1]443", "expected [ADDRESS"},
      {"[example.com]:443", "not an address"},
      {"fe80::1%eth0", "not an address"},
      {"10.0.0.1:0", "is not a port"},
      {"10.0.0.1:65536", "is not a port"},
      {"10.0.0.1:", "is not a port"},
      {"10.0.0.1:80,", "is not a port"},
      {"10.0.0.1:90-80", "is not a port"},
      {"10.0.0.1:80-", "is not a port"},
      {"10.0.0.1:080", "is not a port"},
      {"10.0.0.1:http", "is not a port"},
      {"10.0.0.1:80-90,85", "overlap at 85"},
      {"10.0.0.1:80,80", "overlap at 80"},
      {"10.0.0.1:80/sctp", "/tcp or /udp"},
      {"10.0.0.1:80/TCP", "/tcp or /udp"},
      {"*", "neither an address nor a name"},
      {"*.com", "wildcard"},
      {"*.*.com", "neither"},
      {"a.*.com", "neither"},
      {"-a.example", "neither"},
      {"a-.example", "neither"},
      {"a..example", "neither"},
      {"a b.example", "neither"},
      {".", "neither"},
      {std::string("a\0b.example", 11), "neither"},
      {std::string("10.0.0.1\0", 9), "neither"},
      {"b\xc3\xbc"
       "cher.example",
       "outside ASCII"},
      {label + ".example", "neither"},
      {long_name + "example", "253"},
      {std::string(10000, 'a'), "too long"},
      {"http://example.com", "/tcp or /udp"},
      {"example.com/path", "not an address"},
  };
  for (const auto& [text, why] : rows) {
    const auto entry = parse_egress_entry(text, "");
    ASSERT_FALSE(entry) << text << " -> " << shown(*entry);
    EXPECT_THAT(entry.error().text, HasSubstr(why)) << text;
    EXPECT_EQ(entry.error().code, ErrorCode::invalid_config);
    EXPECT_LT(entry.error().text.size(), 800U);
  }
}

TEST(Endpoint, Forms) {
  EXPECT_EQ(parse_endpoint("10.0.0.1:3128")->port, 3128);
  EXPECT_EQ(to_string(parse_endpoint("[fd00::1]:3128")->address), "fd00::1");
  for (const auto* const text : {"10.0.0.1", "fd00::1:3128", "[fd00::1]", "[10.0.0.1]:1", "proxy:3128", "10.0.0.1:0",
                                 "10.0.0.1:1-2", "10.0.0.0/8:1", ""}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
}

Result<EgressPolicy> decode(std::string_view text) {
  auto table = TomlTable::parse(text, "egress.toml");
  return table ? decode_egress_toml(std::move(*table), "policy web") : tl::unexpected<Error>(table.error());
}

TEST(EgressToml, Everything) {
  const auto policy = decode(
      "allow = [\"10.0.0.0/8:443/tcp\",\n \"example.com:443\"]\nresolvers = [\"10.0.0.53\"]\ndns = false\n"
      "private_names = true\nlandlock_ports = true\nbind = \"80,8080\"\n");
  ASSERT_TRUE(policy) << policy.error().text;
  ASSERT_EQ(policy->allow.size(), 2U);
  EXPECT_EQ(policy->allow[1].origin, "policy web (egress.toml:2)");
  EXPECT_TRUE(policy->has_names() && policy->private_names && policy->landlock_ports);
  EXPECT_EQ(to_string(*policy->bind), "80,8080");
  EXPECT_EQ(*decode(""), EgressPolicy{});
  EXPECT_EQ(decode("broker = \"10.0.0.1:3128\"\nproxy_variables = false")->broker->port, 3128);
}

TEST(EgressToml, ErrorsNameThePlace) {
  constexpr std::pair<const char*, const char*> kRows[] = {
      {"allow = [\"10.0.0.0/8\",\n  \"10.0.0.1/8\"]", "egress.toml:2:3: "},
      {"allow = \"10.0.0.0/8\"", "egress.toml:1:9: allow: expected array"},
      {"allow = [1]", "egress.toml:1:10: allow"},
      {"allow = [\"10.0.0.0/8\", \"10.1.0.0/16:80\"]", "egress.toml:1:24: allow: \"10.1.0.0/16:80\" overlaps with"},
      {"allow = [\"10.1.0.0/16:80/udp\", \"10.0.0.0/8:70-90\"]", "overlaps with"},
      {"allow = [\"a.example\", \"a.example:80\"]", "overlaps with"},
      {"allow = [\"2001:db8::/32\", \"2001:db8::/32\"]", "overlaps with"},
      {"alow = []", "egress.toml:1:1: unknown key \"alow\""},
      {"dns = true", "names none"},
      {"resolvers = [\"dns.example\"]", "egress.toml:1:14: "},
      {"resolvers = [\"10.0.0.1\",\"10.0.0.2\",\"10.0.0.3\",\"10.0.0.4\"]", "more than 3"},
      {"broker = \"10.0.0.1:80\"\nallow = [\"10.0.0.0/8\"]", "only destination"},
      {"broker = \"proxy:80\"", "egress.toml:1:10: "},
      {"bind = \"0\"", "egress.toml:1:8: "},
      {"bind = \"1024-65535\"", "egress.toml:1:8: bind: more than 4096"},
  };
  for (const auto& [text, why] : kRows) {
    const auto policy = decode(text);
    ASSERT_FALSE(policy) << text;
    EXPECT_THAT(policy.error().text, HasSubstr(why)) << text;
  }
}

TEST(EgressToml, ApartInPortsOrProtocolIsNoOverlap) {
  EXPECT_TRUE(decode("allow = [\"10.0.0.0/8:80\", \"10.1.0.0/16:443\", \"10.1.0.0/16:1-79\"]"));
  EXPECT_TRUE(decode("allow = [\"10.0.0.0/8:53/tcp\", \"10.0.0.0/8:53/udp\"]"));
  EXPECT_TRUE(decode("allow = [\"a.example:53/tcp\", \"a.example:53/udp\", \"*.a.example\"]"));
}

TEST(CanonicalText, SameForTheSameAndOnlyThen) {
  const auto text = [](std::string_view toml) { return canonical_text(*decode(toml)); };
  EXPECT_EQ(text("allow = [\"10.0.0.0/8\", \"A.example\"]"), text("allow = [\"a.example\", \"10.0.0.0/8\"]"));
  EXPECT_EQ(text("allow = [\"10.0.0.1\"]"), text("allow = [\"10.0.0.1/32\"]"));
  EXPECT_NE(text("allow = [\"10.0.0.1:1\"]"), text("allow = [\"10.0.0.1:1/tcp\"]"));
  EXPECT_NE(text(""), text("resolvers = [\"10.0.0.1\"]\ndns = true"));
  EXPECT_NE(text("allow = [\"a.example\"]"), text("allow = [\"a.example\"]\nprivate_names = true"));
}

}  // namespace
}  // namespace nucleus::hardening
