#include "runtime/cli/listen_fds.hpp"

#include <gtest/gtest.h>

namespace nucleus::cli {
namespace {

TEST(ListenFds, ForThisProcess) { EXPECT_EQ(listen_descriptors("2", "77", 77), 2U); }

TEST(ListenFds, ForAnotherOrMalformed) {
  EXPECT_EQ(listen_descriptors("2", "78", 77), 0U);
  EXPECT_EQ(listen_descriptors("2", nullptr, 77), 0U);
  EXPECT_EQ(listen_descriptors(nullptr, "77", 77), 0U);
  for (const char* count : {"", "-1", "0", "2x", "99999", "999999999999999999999"}) {
    EXPECT_EQ(listen_descriptors(count, "77", 77), 0U) << count;
  }
}

}  // namespace
}  // namespace nucleus::cli
