#include "runtime/follower/address.hpp"

#include <gtest/gtest.h>

namespace nucleus::follower {
namespace {

Reach reach(const char* text) {
  const auto address = parse_address(text);
  EXPECT_TRUE(address.has_value()) << text;
  return reach_of(address.value_or(Address{}));
}

TEST(Address, TextBothWays) {
  for (const char* text : {"192.0.2.7", "2001:db8::1", "::", "0.0.0.0"}) {
    EXPECT_EQ(to_string(parse_address(text).value()), text);
  }
  for (const char* text : {"", "192.0.2", "192.0.2.7/24", "2001:db8::1%eth0", "example.com", "1.2.3.4 "}) {
    EXPECT_FALSE(parse_address(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_address(std::string_view("1.2.3.4\0x", 9)).has_value());
}

TEST(Address, NeverOpened) {
  for (const char* text : {"0.0.0.0",
                           "0.1.2.3",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.169.254",
                           "192.0.0.192",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "100.100.100.200",
                           "168.63.129.16",
                           "::",
                           "::1",
                           "fe80::1",
                           "febf::1",
                           "ff02::1",
                           "::ffff:192.0.2.7",
                           "::ffff:127.0.0.1",
                           "::192.0.2.7",
                           "fd00:ec2::254",
                           "fd20:ce::254",
                           "2001::1",
                           "64:ff9b::169.254.169.254",
                           "64:ff9b::7f00:1",
                           "2002:7f00:1::1",
                           "2002:a9fe:a9fe::"}) {
    EXPECT_EQ(reach(text), Reach::special) << text;
  }
}

TEST(Address, PrivateOnes) {
  for (const char* text : {"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
                           "100.127.255.255", "198.18.0.1", "198.19.255.255", "fc00::1", "fdff::1", "fec0::1",
                           "64:ff9b::a00:1", "64:ff9b:1::1", "2002:c0a8:101::1"}) {
    EXPECT_EQ(reach(text), Reach::inside) << text;
  }
}

TEST(Address, OpenOnesBesideThem) {
  for (const char* text :
       {"1.1.1.1",          "9.255.255.255",   "11.0.0.0",       "126.255.255.255", "128.0.0.1",   "169.253.255.255",
        "169.255.0.1",      "172.15.255.255",  "172.32.0.1",     "192.0.1.1",       "192.0.2.7",   "198.17.255.255",
        "198.20.0.1",       "223.255.255.255", "100.63.255.255", "100.128.0.1",     "2001:db8::1", "2606:4700::1111",
        "64:ff9b::101:101", "2002:101:101::1", "2001:1::1"}) {
    EXPECT_EQ(reach(text), Reach::open) << text;
  }
}

TEST(Address, Resolvers) {
  for (const char* text : {"10.88.0.1", "169.254.1.1", "168.63.129.16", "1.1.1.1", "fd00:ec2::253", "2001:db8::53"}) {
    EXPECT_TRUE(can_be_resolver(parse_address(text).value())) << text;
  }
  for (const char* text : {"127.0.0.11", "127.0.0.1", "0.0.0.0", "224.0.0.251", "255.255.255.255", "::", "::1",
                           "fe80::1", "ff02::fb", "::ffff:127.0.0.1"}) {
    EXPECT_FALSE(can_be_resolver(parse_address(text).value())) << text;
  }
}

}  // namespace
}  // namespace nucleus::follower
