#include "runtime/cli/sizes.hpp"

#include <gtest/gtest.h>

namespace nucleus::cli {
namespace {

TEST(Sizes, UnitsArePowersOf1024) {
  EXPECT_EQ(parse_size("0").value(), 0);
  EXPECT_EQ(parse_size("32").value(), 32);
  EXPECT_EQ(parse_size("32b").value(), 32);
  EXPECT_EQ(parse_size("32k").value(), 32 << 10);
  EXPECT_EQ(parse_size("32KB").value(), 32 << 10);
  EXPECT_EQ(parse_size("1.5 MiB").value(), 3 << 19);
  EXPECT_EQ(parse_size("2g").value(), std::int64_t{2} << 30);
  EXPECT_EQ(parse_size("1P").value(), std::int64_t{1} << 50);
}

TEST(Sizes, Unlimited) { EXPECT_EQ(parse_size("-1").value(), -1); }

TEST(Sizes, Nonsense) {
  for (const char* text :
       {"", "m", "-2", "-1m", "5x", "5bb", "5kbb", "1.2.3", "0x10", "1e5", "9000p", "5  m", "inf", "nan"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

}  // namespace
}  // namespace nucleus::cli
