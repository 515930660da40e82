#include "runtime/follower/dns_name.hpp"

#include <gtest/gtest.h>

namespace nucleus::follower {
namespace {

using namespace std::string_literals;

std::optional<std::string> read_text(const std::string& bytes, std::size_t from = 0) {
  Reader reader(bytes);
  reader.seek(from);
  const auto name = read_name(reader);
  return name ? std::optional(text_of(*name)) : std::nullopt;
}

std::optional<std::string> plain_text(const std::string& bytes) {
  Reader reader(bytes);
  const auto name = read_plain_name(reader);
  return name ? std::optional(text_of(*name)) : std::nullopt;
}

TEST(DnsName, FromPacketToText) {
  EXPECT_EQ(plain_text("\3www\7Example\3COM\0"s), "www.example.com");
  EXPECT_EQ(plain_text("\0"s), ".");
  EXPECT_EQ(plain_text("\4_a-9\0"s), "_a-9");
}

TEST(DnsName, TextTellsNamesApart) {
  EXPECT_EQ(plain_text("\3a.b\0"s), "a\\046b");
  EXPECT_EQ(plain_text("\1a\1b\0"s), "a.b");
  EXPECT_EQ(plain_text("\4a\\04\0"s), "a\\09204");
  EXPECT_EQ(plain_text("\3\0\n\xff\0"s), "\\000\\010\\255");
}

TEST(DnsName, RefusesWhatIsNoName) {
  EXPECT_FALSE(plain_text(""s));
  EXPECT_FALSE(plain_text("\3ww"s));
  EXPECT_FALSE(plain_text("\3www"s));
  EXPECT_FALSE(plain_text("\xc0\x00"s)) << "a pointer";
  EXPECT_FALSE(plain_text("\x40" + std::string(64, 'a') + "\0"s)) << "a label of 64";
  EXPECT_FALSE(plain_text("\x80\0"s));
}

TEST(DnsName, AtMost255Bytes) {
  std::string longest;
  for (int i = 0; i < 3; ++i) {
    longest += "\x3f" + std::string(63, 'a');
  }
  const std::string full = longest + "\x3d" + std::string(61, 'b') + "\0"s;
  ASSERT_EQ(full.size(), 255U);
  EXPECT_TRUE(plain_text(full));
  EXPECT_FALSE(plain_text(longest + "\x3e" + std::string(62, 'b') + "\0"s));
}

TEST(DnsName, PointersOnlyBackwards) {
  const std::string bytes = "\7example\3com\0\3www\xc0\0"s;
  EXPECT_EQ(read_text(bytes, 13), "www.example.com");
  EXPECT_FALSE(read_text("\xc0\0"s)) << "itself";
  EXPECT_FALSE(read_text("\3www\xc0\0"s)) << "its own beginning";
  EXPECT_FALSE(read_text("\xc0\2\0"s)) << "forwards";
  EXPECT_FALSE(read_text("\xc0\4\1a\xc0\0"s, 2)) << "there and back";
  EXPECT_FALSE(read_text("\1a\xc0"s)) << "half a pointer";
}

TEST(DnsName, PointersDoNotMakeNamesLonger) {
  std::string bytes = "\x3f" + std::string(63, 'a') + "\0"s;  // 65 bytes
  for (int i = 0; i < 3; ++i) {                               // each repeats the one before with 64 bytes in front
    const std::size_t previous = i == 0 ? 0 : bytes.size() - 66;
    bytes += "\x3f" + std::string(63, 'b') + static_cast<char>(0xc0U | previous >> 8U) + static_cast<char>(previous);
  }
  EXPECT_TRUE(read_text(bytes, 65 + 66));
  EXPECT_FALSE(read_text(bytes, 65 + 132)) << "257 bytes";
}

TEST(DnsName, ReadingGoesOnBehindThePointer) {
  const std::string bytes = "\3com\0\1a\xc0\0\x12\x34"s;
  Reader reader(bytes);
  reader.seek(5);
  ASSERT_TRUE(read_name(reader));
  EXPECT_EQ(reader.u16(), 0x1234);
  EXPECT_TRUE(reader.at_end());
  EXPECT_FALSE(reader.u8());
}

TEST(DnsName, FromText) {
  EXPECT_EQ(text_of(wire_of("Www.Example.com").value()), "www.example.com");
  EXPECT_EQ(wire_of("a.b."), wire_of("a.b"));
  for (const char* text : {"", ".", "..", "a..b", ".a", "a b", "*.a", "\xc3\xa4.de", "a\\046b"}) {
    EXPECT_FALSE(wire_of(text)) << text;
  }
  EXPECT_FALSE(wire_of(std::string(64, 'a') + ".de"));
  std::string text = std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(63, 'a') + ".";
  EXPECT_TRUE(wire_of(text + std::string(61, 'a')));
  EXPECT_FALSE(wire_of(text + std::string(62, 'a')));
}

TEST(DnsName, CaseDoesNotMatter) {
  EXPECT_TRUE(same_name(wire_of("ExAmple.COM").value(), wire_of("example.com").value()));
  EXPECT_FALSE(same_name(wire_of("example.com").value(), wire_of("example.co").value()));
}

}  // namespace
}  // namespace nucleus::follower
