#include "runtime/base/user_namespace.hpp"

#include <gtest/gtest.h>

namespace nucleus {
namespace {

TEST(UserNamespace, OnlyTheInitialOneMapsEverythingOntoItself) {
  EXPECT_TRUE(is_identity_map("         0          0 4294967295\n"));
  EXPECT_FALSE(is_identity_map("         0       1000          1\n"));
  EXPECT_FALSE(is_identity_map("         0          0      65536\n"));
  EXPECT_FALSE(is_identity_map("         0          0 4294967294\n         4294967294 4294967294 1\n"));
  EXPECT_FALSE(is_identity_map(""));
}

TEST(UserNamespace, WhatAnIdIsOutside) {
  constexpr std::string_view kPodman = "         0       1000          1\n         1     100000      65536\n";
  EXPECT_EQ(id_outside(kPodman, 0), 1000U);
  EXPECT_EQ(id_outside(kPodman, 1), 100000U);
  EXPECT_EQ(id_outside(kPodman, 65536), 165535U);
  EXPECT_EQ(id_outside(kPodman, 65537), std::nullopt);
  EXPECT_EQ(id_outside("0 0 4294967295\n", 61234), 61234U);
  EXPECT_EQ(id_outside("0 x 1\n", 0), std::nullopt);
}

}  // namespace
}  // namespace nucleus
