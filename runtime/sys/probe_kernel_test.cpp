#include "runtime/sys/probe.hpp"

#include <algorithm>

#include "runtime/sys/kernel_test_support.hpp"

namespace nucleus::sys {
namespace {

namespace fs = std::filesystem;

TEST(Probe, FactsOfThisHost) {
  const auto facts = probe_host({"", "", {{"network", "/proc/self/ns/net"}, {"uts", "/proc/none"}, {"ipc", ""}}, {}});
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->euid, ::geteuid());
  EXPECT_FALSE(facts->kernel_release.empty());
  EXPECT_TRUE(facts->rlimits.contains("RLIMIT_NOFILE"));
  ASSERT_EQ(facts->namespace_paths.size(), 2U);
  EXPECT_TRUE(facts->namespace_paths.at("/proc/self/ns/net").is_host);
  EXPECT_FALSE(facts->namespace_paths.at("/proc/none").exists);
  EXPECT_FALSE(facts->in_user_namespace);
  EXPECT_TRUE(facts->rootfs.path.empty());
}

TEST(Probe, UserNamespaceIsNoticed) {
  test::in_child(CLONE_NEWUSER, [] {
    const auto facts = probe_host({});
    ASSERT_TRUE(facts);
    EXPECT_TRUE(facts->in_user_namespace);
  });
}

TEST(Probe, AnotherNamespaceIsNotTheHosts) {
  const UniqueFd host(::open("/proc/self/ns/uts", O_RDONLY));
  test::in_child(CLONE_NEWUTS, [&] {
    const std::string path = "/proc/self/fd/" + std::to_string(host.get());
    const auto facts = probe_host({"", "", {{"uts", path}}, {}});
    ASSERT_TRUE(facts);
    EXPECT_TRUE(facts->namespace_paths.at(path).exists);
    EXPECT_FALSE(facts->namespace_paths.at(path).is_host);
  });
}

TEST(Probe, BindSourcesAreFollowed) {
  const test::TempDir temp;
  test::write_text(temp / "socket", "");
  fs::create_symlink("socket", temp / "innocent");
  const auto facts = probe_host({"", "", {}, {{"innocent", temp / "innocent"}, {"gone", temp / "gone"}}});
  ASSERT_TRUE(facts);
  const std::map<std::string, std::string> expected = {{"innocent", fs::canonical(temp / "socket")}};
  EXPECT_EQ(facts->bind_sources, expected);
}

TEST(Probe, Rootfs) {
  const test::TempDir temp;
  test::in_child(CLONE_NEWNS, [&] {
    fs::create_directories(temp / "bundle/rootfs/usr");
    fs::create_symlink("usr/bin", temp / "bundle/rootfs/bin");
    test::write_text(temp / "bundle/rootfs/init", "");
    const std::string rootfs = temp / "bundle/rootfs";
    RootfsFacts facts = probe_rootfs(rootfs, temp / "bundle");
    EXPECT_TRUE(facts.readable);
    EXPECT_TRUE(facts.inside_bundle);
    EXPECT_FALSE(facts.is_mount);
    const std::vector<RootEntry> expected = {
        {"bin", RootEntry::Kind::symlink}, {"init", RootEntry::Kind::file}, {"usr", RootEntry::Kind::directory}};
    EXPECT_EQ(facts.top_level, expected);
    EXPECT_FALSE(probe_rootfs(rootfs, temp / "bund").inside_bundle);
    ASSERT_EQ(::mount("tmpfs", rootfs.c_str(), "tmpfs", 0, nullptr), 0);
    facts = probe_rootfs(rootfs, temp / "bundle");
    EXPECT_TRUE(facts.is_mount);
    EXPECT_TRUE(facts.top_level.empty());
    EXPECT_FALSE(probe_rootfs(temp / "none", "").readable);
    ::umount2(rootfs.c_str(), MNT_DETACH);
  });
}

}  // namespace
}  // namespace nucleus::sys
