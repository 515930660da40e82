#include "runtime/sys/root_dir.hpp"

#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <thread>

#include "runtime/sys/kernel_test_support.hpp"

namespace nucleus::sys {
namespace {

namespace fs = std::filesystem;

class RootDirTest : public ::testing::Test {
 protected:
  RootDirTest() {
    fs::create_directories(temp_ / "root/etc");
    fs::create_directories(temp_ / "outside");
    test::write_text(temp_ / "outside/secret", "host");
    root_ = std::make_unique<RootDir>(std::move(*RootDir::open_host(temp_ / "root")));
  }
  void link(const std::string& target, const std::string& name) {
    fs::create_symlink(target, temp_ / ("root/" + name));
  }
  bool outside_is_untouched() { return std::distance(fs::directory_iterator(temp_ / "outside"), {}) == 1; }

  test::TempDir temp_;
  std::unique_ptr<RootDir> root_;
};

TEST_F(RootDirTest, AbsoluteAndClimbingLinksStayInside) {
  link(temp_ / "outside/secret", "absolute");
  link("../../../../../../../.." + (temp_ / "outside/secret"), "climbing");
  EXPECT_EQ(root_->open("absolute", O_RDONLY).error().sys_errno, ENOENT);
  EXPECT_EQ(root_->open("/climbing", O_RDONLY).error().sys_errno, ENOENT);
  EXPECT_EQ(root_->open("../../outside/secret", O_RDONLY).error().sys_errno, ENOENT);
}

TEST_F(RootDirTest, MagicLinksAreRefused) {
  const UniqueFd outside(::open((temp_ / "outside").c_str(), O_PATH | O_DIRECTORY));
  test::in_child(CLONE_NEWNS, [&] {
    fs::create_directory(temp_ / "root/proc");
    ASSERT_EQ(::mount("proc", (temp_ / "root/proc").c_str(), "proc", 0, nullptr), 0);
    const auto root = RootDir::open_host(temp_ / "root");  // of this mount namespace
    ASSERT_TRUE(root);
    const std::string way_out = "/proc/self/fd/" + std::to_string(outside.get());
    EXPECT_EQ(root->open(way_out + "/secret", O_RDONLY).error().sys_errno, ELOOP);
    EXPECT_FALSE(root->make_directories(way_out + "/new"));
    EXPECT_FALSE(root->create_file("/proc/self/cwd/new"));
  });
  EXPECT_TRUE(outside_is_untouched());
}

TEST_F(RootDirTest, MakesDirectoriesWithExactModeAndOnlyWhatIsMissing) {
  ::umask(077);
  ASSERT_OK_ASSIGN(const UniqueFd made, root_->make_directories("/etc/a//./b/c/", 01755));
  ::umask(022);
  struct stat status {};
  ASSERT_EQ(::fstat(made.get(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 01755U);
  EXPECT_TRUE(fs::is_directory(temp_ / "root/etc/a/b/c"));
  EXPECT_TRUE(root_->make_directories("etc/a/b/c"));
  EXPECT_TRUE(root_->make_directories(""));
}

TEST_F(RootDirTest, DanglingLinksAreFollowedInside) {
  link("/run", "var");
  link("../../../../run/x/resolv.conf", "etc/resolv.conf");
  ASSERT_OK(root_->make_directories("/var/lib"));
  EXPECT_TRUE(fs::is_directory(temp_ / "root/run/lib"));
  ASSERT_OK(root_->create_file("/etc/resolv.conf"));
  EXPECT_TRUE(fs::is_regular_file(temp_ / "root/run/x/resolv.conf"));
}

TEST_F(RootDirTest, LinksOutCreateNothingOutside) {
  link(temp_ / "outside", "out");
  link("../outside", "up");
  ASSERT_OK(root_->make_directories("/out/dir"));
  ASSERT_OK(root_->create_file("/up/file"));
  EXPECT_TRUE(outside_is_untouched());
  EXPECT_TRUE(fs::exists(temp_.path() + "/root" + (temp_ / "outside/dir")));
  EXPECT_TRUE(fs::exists(temp_ / "root/outside/file"));
}

TEST_F(RootDirTest, LoopsAndWrongTypesAreErrors) {
  link("loop2", "loop1");
  link("loop1", "loop2");
  test::write_text(temp_ / "root/file", "");
  EXPECT_EQ(root_->make_directories("loop1/x").error().sys_errno, ELOOP);
  EXPECT_EQ(root_->create_file("loop1").error().sys_errno, ELOOP);
  EXPECT_EQ(root_->make_directories("file/x").error().sys_errno, ENOTDIR);
  EXPECT_EQ(root_->create_file("etc").error().sys_errno, EISDIR);
  EXPECT_EQ(root_->create_file("").error().sys_errno, EISDIR);
  EXPECT_EQ(root_->create_file("new/..").error().sys_errno, EISDIR);
  EXPECT_EQ(root_->open_parent("/").error().sys_errno, EINVAL);
  EXPECT_EQ(root_->open_parent("etc/..").error().sys_errno, EINVAL);
  EXPECT_EQ(root_->open_parent("none/x").error().sys_errno, ENOENT);
}

TEST_F(RootDirTest, ExistingFilesOfAnyKindAreTakenAsTheyAre) {
  ASSERT_EQ(::mkfifo((temp_ / "root/fifo").c_str(), 0600), 0);
  link("fifo", "to-fifo");
  ASSERT_OK_ASSIGN(const UniqueFd fd, root_->create_file("to-fifo"));
  struct stat status {};
  ASSERT_EQ(::fstat(fd.get(), &status), 0);
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
}

// CVE-2021-30465, CVE-2024-45310: a component flips between a directory and a link to the outside.
TEST_F(RootDirTest, ExchangedLinksNeverLeadOutside) {
  fs::create_directory(temp_ / "root/flip");
  fs::create_symlink(temp_ / "outside", temp_ / "root/flop");
  const UniqueFd outside(::open((temp_ / "outside").c_str(), O_PATH | O_DIRECTORY));
  std::atomic<bool> stop = false;
  std::thread attacker([&] {
    while (!stop) {
      ::syscall(SYS_renameat2, AT_FDCWD, (temp_ / "root/flip").c_str(), AT_FDCWD, (temp_ / "root/flop").c_str(), 2);
    }
  });
  int made = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "flip/d" + std::to_string(i);
    made += static_cast<int>(static_cast<bool>(root_->make_directories(name)));
    made += static_cast<int>(static_cast<bool>(root_->create_file(name + "/f")));
  }
  stop = true;
  attacker.join();
  EXPECT_GT(made, 0);
  EXPECT_TRUE(outside_is_untouched());
}

}  // namespace
}  // namespace nucleus::sys
