#include "hardening/signature.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "hardening/base64.hpp"

namespace nucleus::hardening {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

template <std::size_t N>
std::array<std::uint8_t, N> unhex(std::string_view hex) {
  std::array<std::uint8_t, N> bytes{};
  EXPECT_EQ(hex.size(), 2 * N);
  for (std::size_t i = 0; i < N; ++i) {
    bytes[i] = static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(2 * i, 2)), nullptr, 16));
  }
  return bytes;
}

// RFC 8032 section 7.1: TEST 1, 2 and 3.
struct Vector {
  std::string_view seed;
  std::string_view key;
  std::string message;
  std::string_view signature;
};
const Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
     "55141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "\x72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
     "00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "\xaf\x82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"
     "027beceea1ec40a"}};

TEST(Signature, KnownVectors) {
  for (const auto& vector : kVectors) {
    const PrivateKey key(unhex<32>(vector.seed));
    const PublicKey expected{unhex<32>(vector.key)};
    EXPECT_EQ(public_key_of(key), expected);
    const auto signature = sign(vector.message, key);
    ASSERT_TRUE(signature);
    EXPECT_EQ(*signature, unhex<64>(vector.signature));
    EXPECT_TRUE(check_signature(vector.message, *signature, expected, "m"));
  }
}

TEST(Signature, EveryChangedBitIsSeen) {
  const std::string message = "a manifest\n";
  const PrivateKey key(unhex<32>(kVectors[0].seed));
  const PublicKey open = public_key_of(key).value();
  const Signature good = sign(message, key).value();
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    Signature bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1U << bit % 8);
    EXPECT_FALSE(check_signature(message, bad, open, "m")) << bit;
  }
  for (std::size_t bit = 0; bit < 8 * message.size(); ++bit) {
    std::string bad = message;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(check_signature(bad, good, open, "m")) << bit;
  }
  EXPECT_FALSE(check_signature(message + "\n", good, open, "m"));
  const auto other = check_signature(message, good, PublicKey{unhex<32>(kVectors[1].key)}, "m.sig");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::policy);
  EXPECT_EQ(other.error().text, "m.sig: not signed by key " + key_id(PublicKey{unhex<32>(kVectors[1].key)}));
}

// S and S + L verify alike in a careless implementation (RFC 8032 section 5.1.7): two texts for one signature.
TEST(Signature, OnlyTheReducedFormCounts) {
  const Vector& vector = kVectors[1];
  Signature malleable = unhex<64>(vector.signature);
  const auto order = unhex<32>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    carry += malleable[32 + i] + order[i];
    malleable[32 + i] = static_cast<std::uint8_t>(carry & 0xFFU);
    carry >>= 8U;
  }
  EXPECT_FALSE(check_signature(vector.message, malleable, PublicKey{unhex<32>(vector.key)}, "m"));
}

// RFC 8410 section 10.1 and 10.3.
constexpr std::string_view kPublicPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kPrivatePem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n";

TEST(SignatureKeys, OpensslsPem) {
  const auto closed = parse_private_key(kPrivatePem, "k");
  const auto open = parse_public_key(kPublicPem, "k");
  ASSERT_TRUE(closed && open);
  EXPECT_EQ(open->bytes, unhex<32>("19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"));
  EXPECT_EQ(public_key_of(*closed), *open);
}

TEST(SignatureKeys, AnythingElseIsRefusedAndNotQuoted) {
  const std::string good(kPrivatePem);
  const std::string secret = good.substr(28, 20);
  for (const std::string& bad :
       {std::string(), std::string("text"), std::string(kPublicPem), " " + good, good + "x", good.substr(0, 90),
        std::string("-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----"), good + good,
        std::string("-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"),
        // Ed448's identifier, and a version 1 key.
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VxBCIEI" + good.substr(49),
        "-----BEGIN PRIVATE KEY-----\nMC4CAQEwBQYDK2VwBCIEI" + good.substr(49)}) {
    const auto key = parse_private_key(bad, "key.pem");
    ASSERT_FALSE(key) << bad;
    EXPECT_EQ(key.error().code, ErrorCode::invalid_config);
    EXPECT_THAT(key.error().text, ::testing::StartsWith("key.pem: is not an Ed25519 key"));
    EXPECT_THAT(key.error().text, Not(HasSubstr(secret)));
  }
  EXPECT_FALSE(parse_public_key(kPrivatePem, "k"));
}

class KeyFiles : public ::testing::Test {
 protected:
  KeyFiles() {
    std::string name = (fs::temp_directory_path() / "nucleus-keys-XXXXXX").string();
    dir_ = ::mkdtemp(name.data());
  }
  ~KeyFiles() override { fs::remove_all(dir_); }
  [[nodiscard]] std::string put(std::string_view text, mode_t mode) const {
    const std::string path = dir_ / "key.pem";
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  fs::path dir_;
};

TEST_F(KeyFiles, PrivateKeysMustBeClosed) {
  EXPECT_TRUE(read_private_key(put(kPrivatePem, 0600)));
  EXPECT_TRUE(read_private_key(put(kPrivatePem, 0400)));
  for (const mode_t mode : {0640, 0604, 0610, 0601, 0620, 0602}) {
    const auto key = read_private_key(put(kPrivatePem, mode));
    ASSERT_FALSE(key) << mode;
    EXPECT_THAT(key.error().text, HasSubstr("by its group or by others"));
  }
}

TEST_F(KeyFiles, PublicKeysMustNotBeWritableByOthers) {
  EXPECT_TRUE(read_public_key(put(kPublicPem, 0644)));
  EXPECT_FALSE(read_public_key(put(kPublicPem, 0664)));
  EXPECT_FALSE(read_public_key(put(kPublicPem, 0646)));
  const auto missing = read_public_key(dir_ / "none");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text, Not(HasSubstr("o such file or directory")));
  EXPECT_FALSE(read_public_key(dir_));
}

TEST(SignatureText, OneLineAndNothingElse) {
  const Signature signature = unhex<64>(kVectors[0].signature);
  const std::string text = signature_text(signature);
  EXPECT_EQ(text.size(), 89U);
  EXPECT_EQ(parse_signature(text, "s"), signature);
  EXPECT_EQ(parse_signature(text.substr(0, 88), "s"), signature);
  for (const std::string& bad : {std::string(), text + "\n", " " + text, text.substr(4), "AAAA" + text,
                                 to_base64(std::string(63, 'x')), text.substr(0, 87)}) {
    const auto parsed = parse_signature(bad, "m.sig");
    ASSERT_FALSE(parsed) << bad;
    EXPECT_THAT(parsed.error().text, ::testing::StartsWith("m.sig: is not a signature"));
  }
}

}  // namespace
}  // namespace nucleus::hardening
