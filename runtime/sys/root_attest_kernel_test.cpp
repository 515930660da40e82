#include "runtime/sys/root_attest.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/base/io.hpp"
#include "runtime/sys/kernel_test_support.hpp"

namespace nucleus::sys {
namespace {

class NoHash : public ContentHash {
 public:
  void update(std::string_view bytes) override { read_ = read_ || !bytes.empty(); }
  std::array<std::uint8_t, 32> finish() override { return {static_cast<std::uint8_t>(read_ ? 1 : 0)}; }

 private:
  bool read_ = false;
};

TreeReadOptions options() {
  TreeReadOptions out;
  out.make_hash = [] { return std::make_unique<NoHash>(); };
  out.wants_content = [](auto, auto) { return true; };
  out.wants_xattr = [](auto) { return true; };
  out.max_nodes = 1000;
  return out;
}

Result<std::vector<TreeNode>> read_path(const std::string& path) {
  TRY_ASSIGN(const UniqueFd root, open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY));
  return read_tree(root.get(), options());
}

// A tmpfs over /mnt in a mount namespace of its own.
void with_tmpfs(const std::function<void()>& body) {
  test::in_child(CLONE_NEWNS, [&] {
    ASSERT_EQ(::mount("tmpfs", "/mnt", "tmpfs", 0, ""), 0);
    body();
  });
}

TEST(RootAttestKernel, DevicesAreLookedAtAndNotOpened) {
  with_tmpfs([] {
    // A tape drive that nobody has: to open it for reading would fail.
    if (::mknod("/mnt/tape", S_IFCHR | 0600, makedev(9, 200)) != 0) {
      GTEST_SKIP() << "device nodes cannot be made here";
    }
    ASSERT_EQ(::mknod("/mnt/disk", S_IFBLK | 0660, makedev(8, 17)), 0);
    ASSERT_OK_ASSIGN(const auto nodes, read_path("/mnt"));
    ASSERT_EQ(nodes.size(), 3U);
    for (const auto& node : nodes) {
      const dev_t expected = node.path == "tape" ? makedev(9, 200) : node.path == "disk" ? makedev(8, 17) : 0;
      EXPECT_EQ(node.rdev, expected) << node.path;
    }
  });
}

TEST(RootAttestKernel, AMountBelowIsRefused) {
  with_tmpfs([] {
    ASSERT_EQ(::mkdir("/mnt/sub", 0755), 0);
    std::ofstream("/mnt/file") << "x";
    std::ofstream("/mnt/other") << "y";
    ASSERT_OK(read_path("/mnt"));
    ASSERT_EQ(::mount("tmpfs", "/mnt/sub", "tmpfs", 0, ""), 0);
    auto covered = read_path("/mnt");
    ASSERT_FALSE(covered);
    EXPECT_EQ(covered.error().text, "\"sub\": another mount covers it, which cannot be attested");
    ASSERT_EQ(::umount("/mnt/sub"), 0);
    ASSERT_EQ(::mount("/mnt/other", "/mnt/file", nullptr, MS_BIND, nullptr), 0);
    covered = read_path("/mnt");
    ASSERT_FALSE(covered);
    EXPECT_EQ(covered.error().text, "\"file\": another mount covers it, which cannot be attested");
    ASSERT_EQ(::umount("/mnt/file"), 0);
    ASSERT_EQ(::symlink("x", "/mnt/sub/link"), 0);
    ASSERT_OK(read_path("/mnt"));
  });
}

// The tree that was opened is read, whatever happens to its path.
TEST(RootAttestKernel, ADetachedMountIsReadThroughItsDescriptor) {
  with_tmpfs([] {
    ASSERT_EQ(::mkdir("/mnt/root", 0755), 0);
    std::ofstream("/mnt/root/file") << "x";
    ASSERT_OK_ASSIGN(const UniqueFd mount, clone_tree_at("/mnt/root", true));
    std::filesystem::rename("/mnt/root", "/mnt/moved");
    ASSERT_EQ(::mkdir("/mnt/root", 0755), 0);
    std::ofstream("/mnt/root/evil") << "x";
    ASSERT_OK_ASSIGN(const auto nodes, read_tree(mount.get(), options()));
    ASSERT_EQ(nodes.size(), 2U);
    for (const auto& node : nodes) {
      EXPECT_NE(node.path, "evil");
    }
  });
}

}  // namespace
}  // namespace nucleus::sys
