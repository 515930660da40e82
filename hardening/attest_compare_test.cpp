#include "hardening/attest_compare.hpp"

#include <gtest/gtest.h>

namespace nucleus::hardening {
namespace {

ManifestEntry node(const std::string& path, NodeType type = NodeType::file) {
  ManifestEntry entry;
  entry.path = path;
  entry.type = type;
  entry.mode = type == NodeType::symlink ? 0 : 0755;
  entry.digest = sha256(path);
  return entry;
}

Manifest tree() {
  Manifest manifest;
  manifest.entries = {node(".", NodeType::directory), node("a"), node("b", NodeType::symlink),
                      node("c", NodeType::character)};
  manifest.entries[2].target = "a";
  return manifest;
}

std::string only(const Manifest& expected, const Manifest& found) {
  const auto differences = compare(expected, found);
  EXPECT_EQ(differences.size(), 1U);
  EXPECT_EQ(summary(differences), differences.empty() ? "" : describe(differences[0]));
  return summary(differences);
}

TEST(AttestCompare, SameTreesHaveNoDifference) { EXPECT_TRUE(compare(tree(), tree()).empty()); }

TEST(AttestCompare, EachFieldIsNamed) {
  const auto changed = [](std::size_t index, auto change) {
    Manifest found = tree();
    change(found.entries[index]);
    return only(tree(), found);
  };
  EXPECT_EQ(changed(0, [](auto& entry) { entry.mode = 01777; }), R"(changed ".": mode 0755, now 1777)");
  EXPECT_EQ(changed(1, [](auto& entry) { entry.mode = 04755; }), R"(changed "a": mode 0755, now 4755)");
  EXPECT_EQ(changed(1, [](auto& entry) { entry.uid = 7; }), R"(changed "a": uid 0, now 7)");
  EXPECT_EQ(changed(1, [](auto& entry) { entry.gid = 7; }), R"(changed "a": gid 0, now 7)");
  EXPECT_EQ(changed(1, [](auto& entry) { entry.digest = sha256("x"); }),
            "changed \"a\": sha256 " + to_hex(sha256("a")) + ", now " + to_hex(sha256("x")));
  EXPECT_EQ(changed(1, [](auto& entry) { entry.size = 9, entry.digest = {}; }), R"(changed "a": size 0, now 9)");
  EXPECT_EQ(changed(1,
                    [](auto& entry) {
                      entry.xattrs = {{"user.\n", "1"}};
                    }),
            "changed \"a\": xattr user.\\u000a none, now sha256:" + to_hex(sha256("1")));
  EXPECT_EQ(changed(1, [](auto& entry) { entry = node("a", NodeType::fifo); }), R"(changed "a": type file, now fifo)");
  EXPECT_EQ(changed(2, [](auto& entry) { entry.target = "/b"; }), R"(changed "b": target "a", now "/b")");
  EXPECT_EQ(changed(3, [](auto& entry) { entry.minor = 3; }), R"(changed "c": rdev 0:0, now 0:3)");
}

TEST(AttestCompare, MissingAndExtraAnywhere) {
  for (std::size_t i = 0; i < tree().entries.size(); ++i) {
    Manifest fewer = tree();
    fewer.entries.erase(fewer.entries.begin() + static_cast<std::ptrdiff_t>(i));
    const std::string quoted = quoted_bytes(tree().entries[i].path);
    EXPECT_EQ(only(tree(), fewer), "missing " + quoted);
    EXPECT_EQ(only(fewer, tree()), "extra " + quoted);
  }
}

TEST(AttestCompare, VersionOneSeesContentOfFiles) {
  Manifest expected;
  expected.version = 1;
  expected.entries = {node("a")};
  expected.entries[0].mode = 0;
  EXPECT_TRUE(compare(expected, tree()).empty());
  Manifest found = tree();
  found.entries[1].digest = sha256("x");
  EXPECT_EQ(only(expected, found).substr(0, 20), "changed \"a\": sha256 ");
  found = tree();
  found.entries.push_back(node("d"));
  EXPECT_EQ(only(expected, found), R"(extra "d")");
  found.entries.erase(found.entries.begin() + 1);
  EXPECT_EQ(summary(compare(expected, found)), R"(extra "d"; missing "a")");
}

TEST(AttestCompare, SummaryNamesTheFirstOfEachKind) {
  Manifest found = tree();
  for (const char c : std::string("defghijk")) {
    found.entries.push_back(node(std::string(1, c)));
  }
  found.entries.erase(found.entries.begin() + 1);
  EXPECT_EQ(summary(compare(tree(), found)),
            R"(extra "d"; extra "e"; extra "f"; extra "g"; extra "h"; and 3 more extra; missing "a")");
}

}  // namespace
}  // namespace nucleus::hardening
