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

}  // namespace
}  // namespace nucleus
