#include "hardening/egress_compile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "hardening/egress_intervals.hpp"

namespace nucleus::hardening {
namespace {

EgressPolicy policy_of(const std::vector<std::string>& entries) {
  EgressPolicy policy;
  for (const auto& text : entries) {
    policy.allow.push_back(parse_egress_entry(text, "").value());
  }
  return policy;
}

std::string text_of(const EgressPolicy& policy, bool inbound = false) {
  auto table = compile_egress(policy, {"web", "/run/nucleus", inbound, 5353});
  table.name = "NAME";
  return nft::to_text(table);
}

std::string elements_text(const EgressPolicy& policy) {
  nft::Table table;
  table.sets.push_back({"s",
                        {nft::Field::ipv4_addr, nft::Field::inet_proto, nft::Field::inet_service},
                        true,
                        false,
                        false,
                        0,
                        0,
                        allowed_elements(policy, false)});
  const std::string text = nft::to_text(table);
  const auto from = text.find("elements = { ");
  return from == std::string::npos ? "" : text.substr(from + 13, text.find(" }") - from - 13);
}

TEST(CompileEgress, DenyAll) {
  EXPECT_EQ(text_of({}),
            "table inet NAME {\n"
            "\tcomment \"egress of container web\"\n"
            "\tset denied4 {\n"
            "\t\ttype ipv4_addr . inet_proto . inet_service\n"
            "\t\tsize 64\n"
            "\t\tflags dynamic,timeout\n"
            "\t\ttimeout 10m\n"
            "\t}\n"
            "\n"
            "\tset denied6 {\n"
            "\t\ttype ipv6_addr . inet_proto . inet_service\n"
            "\t\tsize 64\n"
            "\t\tflags dynamic,timeout\n"
            "\t\ttimeout 10m\n"
            "\t}\n"
            "\n"
            "\tchain output {\n"
            "\t\ttype filter hook output priority filter; policy drop;\n"
            "\t\toif \"lo\" fib saddr type local accept\n"
            "\t\ticmpv6 type nd-router-solicit accept\n"
            "\t\ticmpv6 type nd-neighbor-solicit accept\n"
            "\t\ticmpv6 type nd-neighbor-advert accept\n"
            "\t\tmeta l4proto != icmp update @denied4 { ip daddr . meta l4proto . th dport }\n"
            "\t\tmeta l4proto != ipv6-icmp update @denied6 { ip6 daddr . meta l4proto . th dport }\n"
            "\t\tcounter drop\n"
            "\t}\n"
            "\n"
            "\tchain forward {\n"
            "\t\ttype filter hook forward priority filter; policy drop;\n"
            "\t}\n"
            "}\n");
}

TEST(CompileEgress, AnswersPassWhereConnectionsArrive) {
  EXPECT_THAT(text_of({}, true),
              ::testing::HasSubstr("\t\toif \"lo\" fib saddr type local accept\n\t\tct state established accept\n"));
}

TEST(CompileEgress, LoopbackAddressesStayOffTheWire) {
  EXPECT_THAT(text_of({}, true),
              ::testing::HasSubstr("\tchain wire {\n"
                                   "\t\ttype filter hook postrouting priority filter; policy accept;\n"
                                   "\t\toif != \"lo\" ip daddr 127.0.0.0/8 drop\n"
                                   "\t\toif != \"lo\" ip6 daddr ::1 drop\n"));
}

TEST(CompileEgress, AllowList) {
  const std::string text = text_of(policy_of({"10.0.0.0/8:443/tcp", "192.0.2.7", "[2001:db8::/32]:53"}));
  EXPECT_THAT(text, ::testing::HasSubstr("\t\tflags interval\n"
                                         "\t\telements = { 10.0.0.0/8 . tcp . 443,\n"
                                         "\t\t\t     192.0.2.7 . 0-255 . 0-65535 }\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("elements = { 2001:db8::/32 . tcp . 53,\n"
                                         "\t\t\t     2001:db8::/32 . udp . 53 }"));
  EXPECT_THAT(text, ::testing::HasSubstr("\t\tct state established accept\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("\t\tip daddr . meta l4proto . th dport @allow4 accept\n"
                                         "\t\tip6 daddr . meta l4proto . th dport @allow6 accept\n"));
}

TEST(CompileEgress, NamesAndResolvers) {
  EgressPolicy policy = policy_of({"example.com:443"});
  policy.resolvers = {parse_address("10.89.0.1").value()};
  const std::string text = text_of(policy);
  for (const auto* const line :
       {"meta mark 0x6e75636c ip daddr 10.89.0.1 udp dport 53 accept", "ip daddr 127.0.0.1 tcp dport 5353 accept",
        "ip6 daddr ::1 udp dport 5353 accept", "ip daddr . meta l4proto . th dport @names4 accept",
        "flags interval,timeout", "type nat hook output priority -100; policy accept;",
        "meta mark != 0x6e75636c udp dport 53 redirect to :5353"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(line));
  }
  policy.allow.clear();
  EXPECT_THAT(text_of(policy), ::testing::Not(::testing::HasSubstr("10.89.0.1"))) << "dns is not open by itself";
  policy.dns = true;
  EXPECT_THAT(text_of(policy), ::testing::HasSubstr("\t\tip daddr 10.89.0.1 tcp dport 53 accept\n"));
}

TEST(CompileEgress, BrokerIsTheOnlyDestination) {
  EgressPolicy policy;
  policy.broker = parse_endpoint("10.0.42.1:3128").value();
  const std::string text = text_of(policy);
  EXPECT_THAT(text, ::testing::HasSubstr("elements = { 10.0.42.1 . tcp . 3128 }"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("dport 53")));
}

TEST(CompileEgress, ConfinedToACgroup) {
  nft::Table table = compile_egress({}, {"web", "/run/nucleus", false, 0});
  confine_to_cgroup(table, 4711, 3);
  EXPECT_EQ(table.chains[0].rules[0].text, "socket cgroupv2 level 3 != 4711 accept");
  EXPECT_TRUE(table.name.ends_with("_c"));
  // nft_socket.c knows the hooks of incoming and of local packets only.
  const auto confined = std::ranges::count_if(table.chains, [](const nft::Chain& chain) {
    return !chain.rules.empty() && chain.rules[0].text.starts_with("socket");
  });
  EXPECT_EQ(confined, 1);
}

TEST(TableName, TellsContainersAndPoliciesApart) {
  const auto name = [](const EgressPolicy& policy, std::string_view id, std::string_view origin) {
    return egress_table_name(policy, {id, origin, false, 0});
  };
  const std::string base = name({}, "web", "/run/nucleus");
  EXPECT_EQ(base.size(), kTablePrefix.size() + 33);
  EXPECT_EQ(base, name({}, "web", "/run/nucleus"));
  EXPECT_NE(base, name({}, "web2", "/run/nucleus"));
  EXPECT_NE(base, name({}, "web", "/run/other"));
  EXPECT_NE(base, name(policy_of({"10.0.0.1"}), "web", "/run/nucleus"));
}

TEST(ContradictingTable, OnlyWhereBothJudge) {
  const std::string a = "nucleus_aaaaaaaaaaaaaaaa_1111111111111111";
  const std::string b = "nucleus_bbbbbbbbbbbbbbbb_1111111111111111";
  const std::string c = "nucleus_cccccccccccccccc_2222222222222222";
  EXPECT_EQ(contradicting_table(a, {a, b, "netavark", "filter"}, false), "");
  EXPECT_EQ(contradicting_table(a, {b, c}, false), c);
  EXPECT_EQ(contradicting_table(a + "_c", {c + "_c", b}, false), "");
  EXPECT_EQ(contradicting_table(a + "_c", {c}, false), c);
  EXPECT_EQ(contradicting_table(a, {c + "_c"}, false), c + "_c");
  EXPECT_EQ(contradicting_table(a, {b}, true), b);
}

TEST(AllowedElements, Disjoint) {
  EXPECT_EQ(elements_text(policy_of({"10.0.0.0/8:443/tcp", "10.1.0.0/16:80/tcp"})),
            "10.0.0.0/16 . tcp . 443,\n\t\t\t     10.1.0.0/16 . tcp . 80,\n\t\t\t     10.1.0.0/16 . tcp . 443,\n"
            "\t\t\t     10.2.0.0-10.255.255.255 . tcp . 443");
  EXPECT_EQ(elements_text(policy_of({"10.0.0.0/9", "10.128.0.0/9"})), "10.0.0.0/8 . 0-255 . 0-65535");
  EXPECT_EQ(elements_text(policy_of({"10.0.0.0/8", "10.1.0.0/16:80"})), "10.0.0.0/8 . 0-255 . 0-65535");
  EXPECT_EQ(elements_text(policy_of({"255.255.255.255", "255.255.255.254"})), "255.255.255.254/31 . 0-255 . 0-65535");
  EXPECT_EQ(elements_text(policy_of({"128.0.0.0/1", "0.0.0.0/1"})), "0.0.0.0/0 . 0-255 . 0-65535");
  EXPECT_EQ(elements_text({}), "");
}

// ---- the elements against the plain reading of the entries --------------------------------------------------------------

bool allows(const EgressPolicy& policy, std::uint32_t address, bool tcp, unsigned port) {
  return std::ranges::any_of(policy.allow, [&](const EgressEntry& entry) {
    std::uint32_t network = 0;
    for (int i = 0; i < 4; ++i) {
      network = network << 8U | entry.block->network.bytes[static_cast<std::size_t>(i)];
    }
    const std::uint32_t mask = ~std::uint32_t{0} << (32 - entry.block->prefix);
    const bool service = entry.ports.empty() || ((tcp ? entry.tcp : entry.udp) &&
                                                 std::ranges::any_of(entry.ports, [&](const PortRange& range) {
                                                   return range.first <= port && port <= range.last;
                                                 }));
    return (address & mask) == network && service;
  });
}

int hits(const std::vector<nft::Element>& elements, std::uint32_t address, bool tcp, unsigned port) {
  const nft::Bytes key = {static_cast<std::uint8_t>(address >> 24U),
                          static_cast<std::uint8_t>(address >> 16U),
                          static_cast<std::uint8_t>(address >> 8U),
                          static_cast<std::uint8_t>(address),
                          static_cast<std::uint8_t>(tcp ? 6 : 17),
                          0,
                          0,
                          0,
                          static_cast<std::uint8_t>(port >> 8U),
                          static_cast<std::uint8_t>(port),
                          0,
                          0};
  return static_cast<int>(std::ranges::count_if(elements, [&](const nft::Element& element) {
    for (const auto& [from, length] : {std::pair{0, 4}, {4, 1}, {8, 2}}) {
      const nft::Bytes value(key.begin() + from, key.begin() + from + length);
      if (value < nft::Bytes(element.first.begin() + from, element.first.begin() + from + length) ||
          nft::Bytes(element.last.begin() + from, element.last.begin() + from + length) < value) {
        return false;
      }
    }
    return true;
  }));
}

TEST(AllowedElements, SameAsTheEntriesAndNeverTwice) {
  std::mt19937 random(4);  // NOLINT: the same every time
  const auto pick = [&](unsigned from, unsigned to) {
    return from + static_cast<unsigned>(random()) % (to - from + 1);
  };
  for (int round = 0; round < 40; ++round) {
    EgressPolicy policy;
    for (unsigned i = pick(1, 12); i > 0; --i) {
      const unsigned prefix = pick(24, 32);
      const std::uint32_t network = (0x0a000000U | pick(0, 255)) & (~std::uint32_t{0} << (32 - prefix));
      std::string text = "10.0.0." + std::to_string(network & 255U) + "/" + std::to_string(prefix);
      if (pick(0, 3) != 0) {
        const unsigned port = pick(1, 12);
        text += ":" + std::to_string(port) + "-" + std::to_string(port + pick(0, 6));
        text += pick(0, 2) == 0 ? "/tcp" : pick(0, 1) == 0 ? "/udp" : "";
      }
      policy.allow.push_back(parse_egress_entry(text, "").value());
    }
    const auto elements = allowed_elements(policy, false);
    for (std::uint32_t last = 0; last < 256; ++last) {
      for (const unsigned port : {1U, 4U, 9U, 15U, 18U}) {
        for (const bool tcp : {true, false}) {
          const std::uint32_t address = 0x0a000000U | last;
          ASSERT_EQ(hits(elements, address, tcp, port), allows(policy, address, tcp, port) ? 1 : 0) << round;
        }
      }
    }
  }
}

}  // namespace
}  // namespace nucleus::hardening
