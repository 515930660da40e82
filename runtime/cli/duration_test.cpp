#include "runtime/cli/duration.hpp"

#include <gtest/gtest.h>

namespace nucleus::cli {
namespace {

using std::chrono::milliseconds;

TEST(Duration, GoSpellings) {
  EXPECT_EQ(parse_duration("5s"), milliseconds(5000));
  EXPECT_EQ(parse_duration("1m30s"), milliseconds(90'000));
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_duration("2h"), milliseconds(7'200'000));
  EXPECT_EQ(parse_duration("0"), milliseconds(0));
}

TEST(Duration, RefusesOtherText) {
  for (const char* text : {"", "5", "s", "5x", "-1s", "nan", "inf", "1e3s", "nans", "5s ", "99999999h", "5ss"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

}  // namespace
}  // namespace nucleus::cli
