#include "runtime/follower/allowed_names.hpp"

#include <gtest/gtest.h>

namespace nucleus::follower {
namespace {

AllowedName entry(std::string name, std::vector<PortRange> ports = {}, bool tcp = true, bool udp = true,
                  bool private_addresses = false) {
  return {std::move(name), std::move(ports), tcp, udp, private_addresses};
}

AllowedNames make(const std::vector<AllowedName>& names) {
  auto made = AllowedNames::make(names);
  EXPECT_TRUE(made.has_value()) << (made ? "" : made.error().text);
  return made ? std::move(*made) : AllowedNames{};
}

const Address kOpen = *parse_address("192.0.2.1");
const Address kInside = *parse_address("10.0.0.1");
const Address kSpecial = *parse_address("169.254.169.254");

TEST(AllowedNames, ExactAndSuffix) {
  const AllowedNames names = make({entry("API.github.com"), entry("*.example.com"), entry("trailing.org.")});
  for (const char* name : {"api.github.com", "a.example.com", "a.b.example.com", "trailing.org"}) {
    EXPECT_TRUE(names.allows(name)) << name;
  }
  for (const char* name : {"github.com", "x.api.github.com", "example.com", "badexample.com", "com", ".", "",
                           "a\\046example.com", "example.com.evil.org", "api.github.com.evil.org"}) {
    EXPECT_FALSE(names.allows(name)) << name;
  }
}

TEST(AllowedNames, SearchDomainsBehindAllowedNames) {
  const AllowedNames names = make({entry("api.github.com"), entry("*.example.com"), entry("db")});
  for (const char* name : {"api.github.com.corp.local", "a.example.com.corp", "db.dns.podman"}) {
    EXPECT_TRUE(names.allows_a_beginning_of(name)) << name;
  }
  for (const char* name : {"api.github.com", "evil.org", "example.com.corp", ".", "dbx.dns.podman", "x.db.dns"}) {
    EXPECT_FALSE(names.allows_a_beginning_of(name)) << name;
  }
}

TEST(AllowedNames, GrantsOfAllEntriesThatMatch) {
  const AllowedNames names = make({entry("a.example.com", {{443, 443}}, true, false),
                                   entry("*.example.com", {{53, 53}, {8000, 8999}}, false, true)});
  EXPECT_EQ(names.grants("a.example.com", kOpen),
            (std::vector<Grant>{{6, 6, {443, 443}}, {17, 17, {53, 53}}, {17, 17, {8000, 8999}}}));
  EXPECT_EQ(names.grants("b.example.com", kOpen), (std::vector<Grant>{{17, 17, {53, 53}}, {17, 17, {8000, 8999}}}));
  EXPECT_TRUE(names.grants("example.com", kOpen).empty());
}

TEST(AllowedNames, WithoutPortsEveryProtocolOnce) {
  const auto grants = make({entry("a.example", {}, false, false)}).grants("a.example", kOpen);
  unsigned next = 0;
  for (const Grant& grant : grants) {
    EXPECT_EQ(grant.first_protocol, next);
    EXPECT_EQ(grant.ports, PortRange{});
    next = grant.last_protocol + 1U;
  }
  EXPECT_EQ(next, 256U);
}

TEST(AllowedNames, PrivateAddressesOnlyWhereTheEntrySaysSo) {
  const AllowedNames names =
      make({entry("a.example", {{80, 80}}, true, false), entry("*.example", {{81, 81}}, true, false, true)});
  EXPECT_EQ(names.grants("a.example", kInside), (std::vector<Grant>{{6, 6, {81, 81}}}));
  EXPECT_EQ(names.grants("a.example", kOpen).size(), 2U);
  EXPECT_TRUE(names.grants("a.example", kSpecial).empty());
}

TEST(AllowedNames, RefusesWhatIsNoEntry) {
  for (const char* name : {"", "*", "*.", "*.*.com", "a.*.com", "a..b", "a b", "\xc3\xa4.de"}) {
    EXPECT_FALSE(AllowedNames::make({entry(name)}).has_value()) << name;
  }
  EXPECT_FALSE(AllowedNames::make({entry("a.example", {{2, 1}})}).has_value());
  EXPECT_FALSE(AllowedNames::make({entry("a.example", {{1, 2}}, false, false)}).has_value());
}

}  // namespace
}  // namespace nucleus::follower
