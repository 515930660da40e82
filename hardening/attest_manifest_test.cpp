#include "hardening/attest_manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nucleus::hardening {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kZeros(64, '0');
const std::string kRoot = R"({"path":".","type":"dir","mode":"0755","uid":0,"gid":0})";

std::string document(const std::vector<std::string>& lines) {
  std::string text =
      R"({"format":"nucleus-rootfs","version":2,"entries":)" + std::to_string(lines.size() + 1) + "}\n" + kRoot + "\n";
  for (const auto& line : lines) {
    text += line + "\n";
  }
  return text;
}

std::string file_line(const std::string& path) {
  return "{\"path\":\"" + path + R"(","type":"file","mode":"0644","uid":0,"gid":0,"size":0,"sha256":")" + kZeros +
         "\"}";
}

std::string error_of(std::string_view text) {
  const auto manifest = parse_manifest(text, "m");
  return manifest ? "" : manifest.error().text;
}

TEST(Manifest, EveryKindOfNodeSurvives) {
  Manifest manifest;
  ManifestEntry root;
  root.path = ".";
  root.type = NodeType::directory;
  root.mode = 01777;
  root.xattrs = {{"system.posix_acl_default", std::string("\0\1\2", 3)}, {"user.a", ""}};
  ManifestEntry device;
  device.path = "dev/null";
  device.type = NodeType::character;
  device.mode = 0666;
  device.major = 1;
  device.minor = 1048575;
  ManifestEntry disk = device;
  disk.path = "dev/sda";
  disk.type = NodeType::block;
  ManifestEntry pipe;
  pipe.path = "pipe";
  pipe.type = NodeType::fifo;
  ManifestEntry socket = pipe;
  socket.path = "socket";
  socket.type = NodeType::socket;
  socket.uid = 4294967295;
  ManifestEntry program;
  program.path = "zz/ping";
  program.mode = 04755;
  program.size = 18446744073709551615U;
  program.digest = sha256("ping");
  program.xattrs = {{"security.capability", std::string(20, '\xFF')}};
  ManifestEntry link;
  link.path = "zz/pong";
  link.type = NodeType::symlink;
  link.target = "../bin/\"\\\n\x7F";
  manifest.entries = {root, device, disk, pipe, socket, program, link};
  const auto text = manifest_text(manifest);
  ASSERT_TRUE(text);
  EXPECT_EQ(error_of(*text), "");
  EXPECT_EQ(parse_manifest(*text, "m"), manifest);
  EXPECT_THAT(*text, HasSubstr(R"("target":"../bin/\"\\\u000a\u007f"})"));
  EXPECT_THAT(*text, HasSubstr(R"("mode":"4755","uid":0,"gid":0,"size":18446744073709551615,"sha256":")"));
  EXPECT_THAT(*text, HasSubstr(R"("rdev":"1:1048575"})"));
}

// Whatever bytes a name has, it has one spelling, which is UTF-8 without control characters.
TEST(Manifest, NamesOfAnyBytes) {
  std::string all;
  for (int i = 1; i < 256; ++i) {
    all += i == '/' ? '_' : static_cast<char>(i);
  }
  for (const std::string& name :
       {all, std::string("h\xC3\xA9"), std::string("\xC3"), std::string("\xC2\x85"), std::string("\xED\xB2\x80"),
        std::string("\xF0\x9F\x98\x80"), std::string("\xF5\x80\x80\x80"), std::string("\xE0\x80\xAF"),
        std::string("\xC0\xAF")}) {
    Manifest manifest;
    ManifestEntry root;
    root.path = ".";
    root.type = NodeType::directory;
    ManifestEntry file;
    file.path = name;
    manifest.entries = {root, file};
    const std::string text = manifest_text(manifest).value();
    EXPECT_EQ(parse_manifest(text, "m"), manifest) << error_of(text);
  }
  EXPECT_EQ(quoted_bytes("h\xC3\xA9\xFF\xC2\x85\n"), "\"h\xC3\xA9\\udcff\\u0085\\u000a\"");
}

TEST(Manifest, ErrorsHaveTheirPlace) {
  EXPECT_EQ(error_of(""), "m:1:1: the manifest is empty");
  EXPECT_THAT(error_of(document({file_line("b"), file_line("a")})), StartsWith("m:4:9: \"a\" is not in order"));
  EXPECT_THAT(error_of(document({file_line("a"), file_line("a")})), StartsWith("m:4:9: \"a\" is listed twice"));
  EXPECT_THAT(error_of(document({file_line("/etc")})), StartsWith("m:3:9: a path must be relative"));
  for (const auto* const path : {"a/../b", "..", "a/..", "a//b", "a/", "./a", "a/."}) {
    EXPECT_THAT(error_of(document({file_line(path)})), StartsWith("m:3:9: a path must not have empty,")) << path;
  }
  EXPECT_THAT(error_of(document({file_line(".nucleus-manifest")})), StartsWith("m:3:9: a manifest does not list"));
  EXPECT_THAT(error_of(document({file_line(std::string(4096, 'a'))})), StartsWith("m:3:9: a path has 1 to 4095 bytes"));
  EXPECT_THAT(error_of(document({kRoot})), StartsWith("m:3:1: the first entry, and no other, is the root"));
  const std::string good = document({file_line("a")});
  EXPECT_THAT(error_of(good.substr(0, good.size() - 1)), HasSubstr("cut off"));
  EXPECT_EQ(error_of(document({}) + file_line("a") + "\n"), "m:4:1: the first line announces 1 entries, there are 2");
  EXPECT_THAT(error_of("{\"format\":\"nucleus-rootfs\",\"version\":3,\"entries\":1}\n"),
              StartsWith("m:1:38: version 3 is not known"));
}

TEST(Manifest, OneSpellingOnly) {
  const std::string good = file_line("a");
  ASSERT_EQ(error_of(document({good})), "");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    line.replace(line.find(from), from.size(), to);
    return error_of(document({line}));
  };
  EXPECT_EQ(with("\"uid\":0", "\"uid\":00"), "m:3:48: not in the one spelling a manifest has");
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"\"a\"", "\"\\u0061\""},
                                                        {"\"a\"", "\"\\/\""},
                                                        {"\"a\"", "\"a\\u0000\""},
                                                        {"\"a\"", "\"\x7F\""},
                                                        {"\"a\"", "\"\\udc41\""},
                                                        {"\"a\"", "\"a\\\""},
                                                        {"\"a\"", "\"\n\""},
                                                        {"\"a\"", "\"\xFF\""},
                                                        {"uid\":0", "uid\":-1"},
                                                        {"uid\":0", "uid\":+0"},
                                                        {"uid\":0", "uid\": 0"},
                                                        {"uid\":0", "uid\":4294967296"},
                                                        {"0644", "644"},
                                                        {"0644", "0688"},
                                                        {"0644", "10644"},
                                                        {kZeros, kZeros + "0"},
                                                        {kZeros, std::string(64, 'A')},
                                                        {"\"file\"", "\"fil\""},
                                                        {"\"file\"", "\"dir\""},
                                                        {"}", "} "},
                                                        {"}", ",\"xattrs\":{}}"},
                                                        {"}", ",\"xattrs\":{\"security.selinux\":\"\"}}"},
                                                        {"}", ",\"xattrs\":{\"user.b\":\"\",\"user.a\":\"\"}}"},
                                                        {"}", ",\"xattrs\":{\"user.b\":\"Zg\"}}"},
                                                        {"}", ",\"more\":1}"},
                                                        {"{", "{ "}}) {
    EXPECT_THAT(with(from, to), StartsWith("m:3:")) << from << " -> " << to;
  }
}

TEST(ManifestV1, LinesOfDigestAndPath) {
  const std::string text = kZeros + "\tbin/a b\n\n" + kZeros + "\tbin/b\n";
  const auto manifest = parse_manifest(text, "m");
  ASSERT_TRUE(manifest) << manifest.error().text;
  EXPECT_EQ(manifest->version, 1);
  ASSERT_EQ(manifest->entries.size(), 2U);
  EXPECT_EQ(manifest->entries[0].path, "bin/a b");
  EXPECT_EQ(manifest_text(*manifest), kZeros + "\tbin/a b\n" + kZeros + "\tbin/b\n");
}

TEST(ManifestV1, BrokenLines) {
  EXPECT_THAT(error_of(kZeros + " a\n"), StartsWith("m:1:65: expected a tab"));
  EXPECT_THAT(error_of(kZeros + "\n"), StartsWith("m:1:65: expected a tab"));
  EXPECT_THAT(error_of(kZeros.substr(1) + "\ta\n"), StartsWith("m:1:1: expected the 64"));
  EXPECT_THAT(error_of(std::string(64, 'A') + "\ta\n"), StartsWith("m:1:1: expected the 64"));
  EXPECT_THAT(error_of(kZeros + "\tb\n" + kZeros + "\ta\n"), StartsWith("m:2:66: \"a\" is not in order"));
  EXPECT_THAT(error_of(kZeros + "\tb\n" + kZeros + "\tb\n"), StartsWith("m:2:66: \"b\" is listed twice"));
  EXPECT_THAT(error_of(kZeros + "\t/b\n"), StartsWith("m:1:66: a path must be relative"));
  EXPECT_THAT(error_of(kZeros + "\ta\tb\n"), StartsWith("m:1:67: a control character"));
  EXPECT_THAT(error_of(kZeros + "\t.\n"), StartsWith("m:1:66: a path must not have"));
  EXPECT_THAT(error_of(kZeros + "\ta"), HasSubstr("cut off"));
  EXPECT_THAT(error_of("\n\n"), StartsWith("m:3:1: the manifest is empty"));
  Manifest manifest;
  manifest.version = 1;
  manifest.entries.emplace_back().path = "a\nb";
  const auto text = manifest_text(manifest);
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().text, StartsWith("\"a\\u000ab\": version 1"));
}

}  // namespace
}  // namespace nucleus::hardening
