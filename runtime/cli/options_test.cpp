#include "runtime/cli/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nucleus::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Option kTable[] = {
    {"bundle", 'b', "DIR", "the bundle"},        {"pid-file", 0, "FILE", "where the pid goes"},
    {"env", 'e', "NAME=VALUE", "environment"},   {"detach", 'd', "", "return at once"},
    {"no-pivot", 0, "", "a switch with a dash"},
};

Result<Arguments> parse(const std::vector<std::string>& words) { return parse_options(kTable, words); }

std::string error_of(const std::vector<std::string>& words) {
  const auto parsed = parse(words);
  if (parsed) {
    return "(parsed)";
  }
  EXPECT_EQ(parsed.error().code, ErrorCode::usage);
  return parsed.error().text;
}

TEST(Options, EverySpellingOfAValue) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--bundle", "/x"},
                                                {"--bundle=/x"},
                                                {"-bundle", "/x"},
                                                {"-bundle=/x"},
                                                {"-b", "/x"},
                                                {"-b=/x"},
                                                {"--b", "/x"},
                                                {"--b=/x"}}) {
    const auto parsed = parse(words);
    ASSERT_TRUE(parsed) << words[0] << ": " << parsed.error().text;
    EXPECT_EQ(parsed->get("bundle"), "/x") << words[0];
    EXPECT_THAT(parsed->rest, IsEmpty());
  }
}

TEST(Options, ValuesAreTakenAsTheyAre) {
  for (const std::string value :
       {"", " ", "a=b", "=", "==x", "--detach", "-", "--", "-b", "\"q\"", "a b", "\xc3\xa4"}) {
    const auto apart = parse({"--bundle", value, "id"});
    ASSERT_TRUE(apart) << value << ": " << apart.error().text;
    EXPECT_EQ(apart->get("bundle"), value);
    EXPECT_THAT(apart->rest, ElementsAre("id"));
    const auto joined = parse({"--bundle=" + value, "id"});
    ASSERT_TRUE(joined) << value << ": " << joined.error().text;
    EXPECT_EQ(joined->get("bundle"), value);
  }
}

TEST(Options, Switches) {
  EXPECT_TRUE(parse({"--detach"})->has("detach"));
  EXPECT_TRUE(parse({"-d"})->has("detach"));
  EXPECT_TRUE(parse({"--detach=true"})->has("detach"));
  EXPECT_TRUE(parse({"-d=1"})->has("detach"));
  EXPECT_TRUE(parse({"--no-pivot"})->has("no-pivot"));
  EXPECT_FALSE(parse({"--detach=false"})->has("detach"));
  EXPECT_FALSE(parse({"--detach=0"})->has("detach"));
  EXPECT_FALSE(parse({})->has("detach"));
  EXPECT_THAT(parse({"--detach", "false"})->rest, ElementsAre("false")) << "a switch takes no word along";
  EXPECT_THAT(error_of({"--detach=maybe"}), HasSubstr("invalid boolean value \"maybe\" for -detach"));
  EXPECT_THAT(error_of({"--detach="}), HasSubstr("invalid boolean value"));
}

TEST(Options, EndAtTheFirstArgument) {
  const auto parsed = parse({"-d", "id", "--bundle", "/x"});
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->has("bundle"));
  EXPECT_THAT(parsed->rest, ElementsAre("id", "--bundle", "/x"));
}

TEST(Options, EndAtTwoDashes) {
  EXPECT_THAT(parse({"-d", "--", "-b", "--"})->rest, ElementsAre("-b", "--"));
  EXPECT_THAT(parse({"--"})->rest, IsEmpty());
}

TEST(Options, OneDashAndNothingAreArguments) {
  EXPECT_THAT(parse({"-", "-d"})->rest, ElementsAre("-", "-d"));
  EXPECT_THAT(parse({"", "-d"})->rest, ElementsAre("", "-d"));
}

TEST(Options, RepeatedOnesAreAllThereAndTheLastCounts) {
  const auto parsed = parse({"-e", "A=1", "--env=B=2", "-env", "", "-b", "/x", "-b", "/y"});
  ASSERT_TRUE(parsed);
  EXPECT_THAT(parsed->all("env"), ElementsAre("A=1", "B=2", ""));
  EXPECT_EQ(parsed->get("bundle"), "/y");
  EXPECT_THAT(parsed->all("pid-file"), IsEmpty());
  EXPECT_EQ(parsed->get("pid-file", "fallback"), "fallback");
}

// Engines match runc's words.
TEST(Options, UnknownOnes) {
  EXPECT_EQ(error_of({"--nonsense"}), "flag provided but not defined: -nonsense");
  EXPECT_EQ(error_of({"-x=1"}), "flag provided but not defined: -x");
  for (const char* word : {"--bundl", "--bundles", "-bd", "-db", "-b/x", "---bundle", "--=x", "-=x", "--BUNDLE"}) {
    EXPECT_THAT(error_of({word, "y"}), HasSubstr("flag provided but not defined")) << word;
  }
}

TEST(Options, AMissingValue) {
  EXPECT_EQ(error_of({"--bundle"}), "flag needs an argument: -bundle");
  EXPECT_EQ(error_of({"-d", "-b"}), "flag needs an argument: -b");
}

TEST(Options, Numbers) {
  const auto number = [](const std::string& text) { return parse({"--bundle", text})->number("bundle", 7, 0, 100); };
  EXPECT_EQ(parse({})->number("bundle", 7, 0, 100).value(), 7);
  EXPECT_EQ(number("0").value(), 0);
  EXPECT_EQ(number("100").value(), 100);
  for (const char* text : {"", " 1", "1 ", "101", "-1", "0x1", "1e1", "+1", "99999999999999999999", "one"}) {
    const auto parsed = number(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().text, HasSubstr("for flag -bundle"));
  }
}

TEST(Options, HelpNamesEveryOne) {
  const std::string help = describe_options(kTable);
  EXPECT_THAT(help, HasSubstr("   --bundle, -b DIR                 the bundle\n"));
  EXPECT_THAT(help, HasSubstr("   --no-pivot                       a switch with a dash\n"));
}

}  // namespace
}  // namespace nucleus::cli
