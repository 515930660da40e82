#include <gtest/gtest.h>

#include "hardening/path_text.hpp"
#include "hardening/policy.hpp"

namespace nucleus::hardening {
namespace {

TEST(Grants, ReadBackInCanonicalForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"host-network", "host-network"},
      {"capability:NET_ADMIN", "capability:CAP_NET_ADMIN"},
      {"capability:CAP_CHOWN", "capability:CAP_CHOWN"},
      {"device:/dev/../dev/fuse", "device:/dev/fuse"},
      {"device:c 10:229", "device:c 10:229"},
      {"exec:/workspace/", "exec:/workspace"},
      {"mount-type:overlay", "mount-type:overlay"},
      {"sysctl:kernel.panic", "sysctl:kernel.panic"},
  };
  for (const auto& [text, canonical] : cases) {
    const auto grant = parse_grant(text, "here");
    ASSERT_TRUE(grant) << grant.error().text;
    EXPECT_EQ(to_string(*grant), canonical);
    EXPECT_EQ(grant->origin, "here");
    EXPECT_EQ(*parse_grant(canonical, "here"), *grant);
  }
}

TEST(Grants, Refused) {
  for (const auto* const text : {"", "host_network", "Host-Network", "host-network:", "host-network:yes", "capability",
                                 "capability:", "capability:NET_ADMN", "capability:net_admin", "exec:workspace",
                                 "bind:", "exec", ":x", " host-pid"}) {
    EXPECT_FALSE(parse_grant(text, "")) << text;
  }
}

TEST(Grants, AreFoundByKindAndValue) {
  Policy policy;
  policy.grants = {*parse_grant("exec:/a", ""), *parse_grant("host-pid", "")};
  EXPECT_NE(policy.find(GrantKind::exec, "/a"), nullptr);
  EXPECT_EQ(policy.find(GrantKind::exec, "/a/b"), nullptr);
  EXPECT_EQ(policy.find(GrantKind::writable, "/a"), nullptr);
  EXPECT_NE(policy.find(GrantKind::host_pid), nullptr);
}

TEST(PathText, NormalPaths) {
  const std::pair<const char*, const char*> cases[] = {{"/", "/"},
                                                       {"//", "/"},
                                                       {"/..", "/"},
                                                       {"/a/../..", "/"},
                                                       {"/a/./b//c/", "/a/b/c"},
                                                       {"/a/b/../c", "/a/c"},
                                                       {"a/b", "a/b"},
                                                       {"a/..", ""},
                                                       {"../x", "../x"},
                                                       {"../../x/..", "../.."},
                                                       {"./a", "a"},
                                                       {"", ""},
                                                       {"/...", "/..."}};
  for (const auto& [path, normal] : cases) {
    EXPECT_EQ(normal_path(path), normal) << path;
  }
}

TEST(PathText, AtOrBelow) {
  EXPECT_TRUE(at_or_below("/sys", "/sys"));
  EXPECT_TRUE(at_or_below("/sys/fs", "/sys"));
  EXPECT_TRUE(at_or_below("/sys", "/"));
  EXPECT_FALSE(at_or_below("/system", "/sys"));
  EXPECT_FALSE(at_or_below("/", "/sys"));
  EXPECT_EQ(top_directory("/usr/local/lib"), "/usr");
  EXPECT_EQ(top_directory("/usr"), "/usr");
}

}  // namespace
}  // namespace nucleus::hardening
