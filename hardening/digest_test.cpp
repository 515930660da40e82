#include "hardening/digest.hpp"

#include <gtest/gtest.h>

namespace nucleus::hardening {
namespace {

// FIPS 180-4 examples.
constexpr std::string_view kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kMillion = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Digest, KnownVectors) {
  EXPECT_EQ(to_hex(sha256("")), kEmpty);
  EXPECT_EQ(to_hex(sha256("abc")), kAbc);
  EXPECT_EQ(to_hex(sha256(std::string(1000000, 'a'))), kMillion);
}

TEST(Digest, InPiecesAndAgain) {
  Sha256Stream stream;
  for (int round = 0; round < 2; ++round) {
    stream.update("a");
    stream.update("");
    stream.update("bc");
    EXPECT_EQ(to_hex(stream.finish()), kAbc);
  }
  EXPECT_EQ(to_hex(stream.finish()), kEmpty);
}

TEST(Digest, HexRoundTripInEitherCase) {
  std::string upper(kAbc);
  for (char& digit : upper) {
    digit = static_cast<char>(std::toupper(digit));
  }
  EXPECT_EQ(parse_sha256(kAbc), sha256("abc"));
  EXPECT_EQ(parse_sha256(upper), sha256("abc"));
}

TEST(Digest, BrokenHexIsRefused) {
  const std::string good(kAbc);
  for (const std::string& bad : {std::string(), good + "0", good.substr(1), "g" + good.substr(1), " " + good.substr(1),
                                 "0x" + good.substr(2), std::string(64, '\0')}) {
    EXPECT_FALSE(parse_sha256(bad)) << bad;
  }
}

TEST(Digest, Pins) {
  const auto pin = parse_pin("/etc/a@sha256:b/p.json@sha256:" + std::string(kAbc));
  ASSERT_TRUE(pin);
  EXPECT_EQ(pin->target, "/etc/a@sha256:b/p.json");
  EXPECT_EQ(pin->digest, sha256("abc"));
  EXPECT_EQ(parse_pin(to_string(*pin)), *pin);
}

TEST(Digest, BrokenPinsArePinsAndErrors) {
  EXPECT_TRUE(is_pinned("web@sha256:12"));
  EXPECT_FALSE(parse_pin("web@sha256:12"));
  EXPECT_FALSE(parse_pin("@sha256:" + std::string(kAbc)));
  EXPECT_FALSE(parse_pin("web"));
  EXPECT_FALSE(is_pinned("web"));
  EXPECT_FALSE(is_pinned("web@sha512:12"));
}

TEST(Digest, CheckNamesWhatAndBothDigests) {
  EXPECT_TRUE(check_digest("abc", sha256("abc"), "p.json"));
  const auto wrong = check_digest("abd", sha256("abc"), "p.json");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::policy);
  EXPECT_EQ(wrong.error().text.rfind("p.json: ", 0), 0U);
  EXPECT_NE(wrong.error().text.find(kAbc), std::string::npos);
}

}  // namespace
}  // namespace nucleus::hardening
