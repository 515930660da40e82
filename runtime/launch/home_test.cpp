#include "runtime/launch/home.hpp"

#include <gtest/gtest.h>

namespace nucleus::launch {
namespace {

TEST(Home, IsTheSixthFieldOfTheUsersLine) {
  constexpr std::string_view kPasswd = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/srv/app:/bin/sh\n";
  EXPECT_EQ(home_in(kPasswd, 0), "/root");
  EXPECT_EQ(home_in(kPasswd, 1000), "/srv/app");
  EXPECT_EQ(home_in(kPasswd, 10), "/");
  EXPECT_EQ(home_in("", 0), "/");
}

TEST(Home, FirstLineOfAnIdWins) { EXPECT_EQ(home_in("a:x:7:7::/a:\nb:x:7:7::/b:\n", 7), "/a"); }

TEST(Home, OddLinesSayNothing) {
  for (const std::string_view odd :
       {"root", ":::::", "root:x:0", "root:x:-0:0::/evil:", "root:x:0x0:0::/evil:", "root:x: 0:0::/evil:",
        "root:x:4294967296:0::/evil:", "\n\n\n", "root:x:0:0:root::/bin/sh"}) {
    EXPECT_EQ(home_in(odd, 0), "/") << odd;
  }
  EXPECT_EQ(home_in(std::string_view("r:x:0:0::/a\0b:", 14), 0), "/");
  EXPECT_EQ(home_in("junk\nroot:x:0:0:root:/root", 0), "/root");
}

}  // namespace
}  // namespace nucleus::launch
