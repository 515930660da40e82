#include "hardening/modes.hpp"

#include <gtest/gtest.h>

#include <set>

namespace nucleus::hardening {
namespace {

TEST(Modes, EachIsAtLeastAsStrictAsTheOneBefore) {
  for (const auto& row : kControlTable) {
    EXPECT_LE(row.by_mode[1], row.by_mode[2]) << row.name;
    EXPECT_LE(row.by_mode[2], row.by_mode[3]) << row.name;
  }
}

TEST(Modes, AnOpenNetworkIsNeverAFallback) {
  for (const Mode mode : {Mode::agent, Mode::strict_agent, Mode::production}) {
    EXPECT_EQ(reaction(mode, Control::egress), Reaction::fail);
    EXPECT_EQ(reaction(mode, Control::host_namespace), Reaction::fail);
  }
}

TEST(Modes, NamesAreUniqueAndReadBack) {
  std::set<std::string_view> names;
  for (const auto& row : kControlTable) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
  for (const Mode mode : {Mode::passthrough, Mode::agent, Mode::strict_agent, Mode::production}) {
    EXPECT_EQ(parse_mode(mode_name(mode)), mode);
  }
  EXPECT_FALSE(parse_mode("Agent"));
  EXPECT_FALSE(parse_mode(""));
}

}  // namespace
}  // namespace nucleus::hardening
