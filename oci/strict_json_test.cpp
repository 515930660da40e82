#include "oci/strict_json.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "oci/test_files.hpp"

namespace nucleus::oci {
namespace {

std::string verdict(std::string_view text, const JsonLimits& limits = {}) {
  const Status status = check_strict_json(text, "f.json", limits);
  return status ? "ok" : status.error().text;
}

TEST(StrictJson, AcceptsWhatRfc8259Allows) {
  for (const std::string_view text :
       {"{}", "[]", "1", "-0.5e-3", "\"x\"", "null", " \t\r\n{\"a\":[true,false,null]} \n",
        "\"\\ud83d\\udc33 \\/ \\\" \\\\\"", "{\"a\":{\"k\":1},\"b\":{\"k\":1}}", "[{\"k\":1},{\"k\":2}]",
        "\"\xf0\x9f\x90\xb3\xef\xbf\xbf\"", "1e-999"}) {
    EXPECT_EQ(verdict(text), "ok") << text;
  }
}

TEST(StrictJson, NamesTheSecondOfTwoEqualKeys) {
  EXPECT_EQ(verdict("{\n  \"args\": 1,\n  \"b\": 2, \"args\": 3}"), "f.json:3:11: duplicate key \"args\"");
  EXPECT_EQ(verdict("{\"x\":{\"a\":1,\"a\":2}}"), "f.json:1:13: duplicate key \"a\"");
  EXPECT_EQ(verdict("{\"a\":1,\"x\":{\"b\":1},\"a\":2}"), "f.json:1:20: duplicate key \"a\"");
  EXPECT_EQ(verdict("{\"\":1,\"\":2}"), "f.json:1:7: duplicate key \"\"");
  EXPECT_EQ(verdict("{\"b\":1,\"a\":1,\"b\":1,\"a\":1}"), "f.json:1:14: duplicate key \"b\"");
}

TEST(StrictJson, ComparesKeysAfterUnescaping) {
  EXPECT_EQ(verdict(R"({"a\u0062":1,"ab":2})"), "f.json:1:14: duplicate key \"ab\"");
  EXPECT_EQ(verdict(R"({"ab":1, "\u0061b":2})"), "f.json:1:10: duplicate key \"ab\"");
  EXPECT_EQ(verdict(R"({"a\"b":1,"a\u0022b":2})"), "f.json:1:11: duplicate key \"a\\\"b\"");
}

TEST(StrictJson, RefusesBadBytes) {
  EXPECT_EQ(verdict("{\"a\":\"\xff\"}"), "f.json:1:7: invalid UTF-8");
  EXPECT_EQ(verdict("{\"\xc0\xaf\":1}"), "f.json:1:3: invalid UTF-8");
  EXPECT_EQ(verdict("\"\xed\xa0\x80\""), "f.json:1:2: invalid UTF-8");
  EXPECT_EQ(verdict("\"\xf4\x90\x80\x80\""), "f.json:1:2: invalid UTF-8");
  EXPECT_EQ(verdict("\"\xe2\x82"), "f.json:1:2: invalid UTF-8");
  EXPECT_EQ(verdict("{\"a\":\"\\u0000\"}"), "f.json:1:7: NUL in a string");
  EXPECT_EQ(verdict("{\"a\\u0000\":1}"), "f.json:1:4: NUL in a string");
  EXPECT_EQ(verdict(std::string_view("{\0}", 3)), "f.json:1:2: NUL byte");
  EXPECT_EQ(verdict("\"\\ud800\""), "f.json:1:2: unpaired surrogate in a string");
  EXPECT_EQ(verdict("\"\\ud800\\u0041\""), "f.json:1:2: unpaired surrogate in a string");
  EXPECT_EQ(verdict("\"\\udc00\""), "f.json:1:2: unpaired surrogate in a string");
  EXPECT_EQ(verdict("{\v}"), "f.json:1:2: control character");
  EXPECT_NE(verdict("\"a\nb\""), "ok");
}

TEST(StrictJson, RefusesWhatIsNotJson) {
  for (const std::string_view text :
       {"",          " ",        "{",         "[1,]",  "{\"a\":1,}", "{'a':1}",   "{a:1}",       "{}x",
        "{} {}",     "// c\n{}", "{/* c */}", "NaN",   "Infinity",   "01",        "+1",          ".5",
        "1.",        "0x10",     "tru",       "nulll", "\"abc",      "\"\\x41\"", "\"\\u12g4\"", "\xef\xbb\xbf{}",
        "{\"a\" 1}", "]"}) {
    EXPECT_NE(verdict(text), "ok") << text;
  }
  EXPECT_EQ(verdict("{}x"), "f.json:1:3: trailing garbage");
  EXPECT_EQ(verdict("{} \""), "f.json:1:4: trailing garbage");
  EXPECT_EQ(verdict("\"x\"tru"), "f.json:1:4: trailing garbage");
  EXPECT_EQ(verdict("null n"), "f.json:1:6: trailing garbage");
  EXPECT_EQ(verdict("1 -"), "f.json:1:3: trailing garbage");
  EXPECT_EQ(verdict("{\n\"a\": [1,"), "f.json:2:9: parse error: premature EOF");
}

TEST(StrictJson, RefusesNumbersNoDoubleCanHold) {
  EXPECT_EQ(verdict("{\"a\": 1e999}"), "f.json:1:7: number out of range");
  EXPECT_EQ(verdict("1e999"), "f.json:1:1: number out of range");
  EXPECT_EQ(verdict("[-1e400]"), "f.json:1:2: number out of range");
}

TEST(StrictJson, DepthIsLimited) {
  const std::string at_limit = std::string(64, '[') + std::string(64, ']');
  EXPECT_EQ(verdict(at_limit), "ok");
  EXPECT_EQ(verdict('[' + at_limit + ']'), "f.json:1:65: nested deeper than 64 levels");
  EXPECT_NE(verdict(std::string(10'000, '[')).find("nested deeper"), std::string::npos);
  std::string objects;
  for (int i = 0; i < 10'000; ++i) {
    objects += "{\"a\":";
  }
  EXPECT_NE(verdict(objects).find("nested deeper"), std::string::npos);
}

TEST(StrictJson, SizeIsCheckedBeforeTheBytesAreLookedAt) {
  EXPECT_EQ(verdict("[1,2]", {.bytes = 5}), "ok");
  EXPECT_EQ(verdict("[1,2 ", {.bytes = 4}), "f.json: larger than 4 bytes");
}

// Quadratic work would take hours here; the bound is generous for sanitizers and a loaded machine.
TEST(StrictJson, HugeObjectsStayFast) {
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) {
    text += "\"" + std::to_string(i) + "\":0,";
  }
  text += "\"77\":1}";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_NE(verdict(text).find("duplicate key \"77\""), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(StrictJson, AcceptsWhatEnginesWrite) {
  for (const char* name : testing::kFixtures) {
    EXPECT_EQ(verdict(testing::read_fixture(name)), "ok") << name;
  }
}

}  // namespace
}  // namespace nucleus::oci
