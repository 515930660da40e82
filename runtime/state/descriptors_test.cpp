#include "runtime/state/descriptors.hpp"

#include <gtest/gtest.h>

namespace nucleus::state {
namespace {

TEST(Descriptors, GoThereAndBack) {
  const std::vector<std::string> names = {"/dev/null", "pipe:[12]", "a\"b"};
  EXPECT_EQ(parse_descriptors(descriptors_json(names)).value(), names);
  EXPECT_EQ(descriptors_json({"pipe:[1]"}), R"(["pipe:[1]"])");
}

TEST(Descriptors, OfAnImageFromAnywhere) {
  for (const char* text : {"", "{}", "[1]", R"(["a","b","c","d"])", R"(["a",)", "[[]]", "null"}) {
    EXPECT_EQ(parse_descriptors(text).error().code, ErrorCode::state) << text;
  }
}

}  // namespace
}  // namespace nucleus::state
