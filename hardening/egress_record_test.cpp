#include "hardening/egress_record.hpp"

#include <gtest/gtest.h>

namespace nucleus::hardening {
namespace {

TEST(EgressRecord, ComesBackWhole) {
  EgressRecord record;
  for (const auto* const text : {"10.0.0.0/8:443/tcp", "[2001:db8::/32]:53", "*.example.com:80,443", "192.0.2.7"}) {
    record.policy.allow.push_back(parse_egress_entry(text, "policy web (egress.toml:3)").value());
  }
  record.policy.resolvers = {parse_address("10.89.0.1").value(), parse_address("fd00::1").value()};
  record.policy.bind = parse_ports("80,8000-8999").value();
  record.policy.landlock_ports = true;
  record.policy.private_names = true;
  record.id = "web";
  record.origin = "/run/nucleus";
  record.inbound = true;
  record.dns_port = 5353;
  record.follower = 4711;
  record.follower_start_time = UINT64_MAX;
  record.cgroup = EgressCgroup{UINT64_MAX, 7};
  EXPECT_EQ(parse_egress_record(to_json(record), "f").value(), record);
  EgressRecord broker;
  broker.policy.broker = parse_endpoint("[fd00::1]:3128").value();
  broker.policy.proxy_variables = false;
  EXPECT_EQ(parse_egress_record(to_json(broker), "f").value(), broker);
}

TEST(EgressRecord, DamagedNamesTheFile) {
  for (const auto* const text : {"", "{}", "[]", R"({"policy":{"allow":[{"entry":"0.0.0.0/0","origin":""}]}})"}) {
    const auto parsed = parse_egress_record(text, "egress.json");
    ASSERT_FALSE(parsed);
    EXPECT_NE(parsed.error().text.find("egress.json"), std::string::npos);
  }
}

}  // namespace
}  // namespace nucleus::hardening
