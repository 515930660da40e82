#include "runtime/sys/lockdown.hpp"

#include <gtest/gtest.h>

namespace nucleus::sys {
namespace {

TEST(Lockdown, TheWordInBrackets) {
  EXPECT_EQ(lockdown_level("[none] integrity confidentiality\n"), "none");
  EXPECT_EQ(lockdown_level("none [integrity] confidentiality\n"), "integrity");
  for (const auto* const text : {"", "none", "]none[", "[none", "none]"}) {
    EXPECT_EQ(lockdown_level(text), "") << text;
  }
}

TEST(Lockdown, MoreIsEnoughAndLessIsNot) {
  EXPECT_TRUE(locks_down("integrity", "integrity"));
  EXPECT_TRUE(locks_down("confidentiality", "integrity"));
  EXPECT_TRUE(locks_down("confidentiality", "confidentiality"));
  EXPECT_FALSE(locks_down("integrity", "confidentiality"));
  for (const auto* const level : {"none", "unknown", ""}) {
    EXPECT_FALSE(locks_down(level, "integrity")) << level;
    EXPECT_TRUE(locks_down(level, "none")) << level;
  }
}

}  // namespace
}  // namespace nucleus::sys
