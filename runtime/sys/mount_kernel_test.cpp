#include "runtime/sys/mount.hpp"

#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "runtime/sys/device.hpp"
#include "runtime/sys/id_map.hpp"
#include "runtime/sys/kernel_test_support.hpp"
#include "runtime/sys/masking.hpp"
#include "runtime/sys/overlay.hpp"
#include "runtime/sys/tree_copy.hpp"

namespace nucleus::sys {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kOwnMounts = CLONE_NEWNS;  // of every test below

Result<UniqueFd> plain_tmpfs() { return make_filesystem({"tmpfs", "", {{"mode", "0755"}}, 0, false}); }

struct stat status_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

// Becomes root of a user namespace in which the caller's ids 0..65535 are mapped to themselves.
void enter_user_namespace() {
  ASSERT_OK_ASSIGN(const ProcHandle proc, ProcHandle::open());
  ASSERT_OK_ASSIGN(const UniqueFd ns, make_user_namespace(proc, {{{0, 0, 65536}}, {{0, 0, 65536}}}));
  ASSERT_EQ(::setns(ns.get(), CLONE_NEWUSER), 0);
  ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
}

TEST(Mount, ErrorsNameTheOptionAndTheKernelsReason) {
  const auto unknown = make_filesystem({"tmpfs", "", {{"bogus", "1"}}, 0, false});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().text.find("bogus"), std::string::npos);
  EXPECT_NE(unknown.error().text.find("Unknown parameter"), std::string::npos);
  EXPECT_EQ(make_filesystem({"nosuchfs", "", {}, 0, false}).error().sys_errno, ENODEV);
}

TEST(Mount, AttributesPropagationAndPivot) {
  const test::TempDir temp;
  test::in_child(kOwnMounts, [&] {
    fs::create_directory(temp / "inside");
    ASSERT_OK_ASSIGN(const UniqueFd bind, clone_tree_at(temp.path(), false));
    ASSERT_OK(change_mount(bind.get(), {MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, MS_PRIVATE, -1}, false));
    const UniqueFd target(::open(temp.path().c_str(), O_PATH | O_DIRECTORY));
    ASSERT_OK(attach(bind.get(), target.get()));
    EXPECT_NE(::mkdir((temp / "no").c_str(), 0755), 0);
    EXPECT_EQ(errno, EROFS);
    EXPECT_EQ(change_mount(target.get(), {MOUNT_ATTR_RDONLY, 0, 0, -1}, false).error().sys_errno, EINVAL);
    ASSERT_OK(pivot_root_into(bind.get()));
    EXPECT_TRUE(fs::is_directory("/inside"));
    EXPECT_FALSE(fs::exists("/etc/passwd"));
    EXPECT_EQ(fs::current_path(), "/");
    test::finish_child();  // the temporary directory is out of reach now
  });
}

TEST(Mount, PivotDoesNotTakeTheHostsMountsDown) {
  const test::TempDir temp;
  test::in_child(kOwnMounts, [&] {
    const auto outer = [] { return test::read_text("/proc/self/mountinfo"); };
    ASSERT_OK(set_root_propagation(MS_REC | MS_SHARED));  // a host with shared mounts
    const std::string before = outer();
    test::in_child(CLONE_NEWPID | CLONE_NEWNET, [&] {
      ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
      ASSERT_OK(set_root_propagation(MS_REC | MS_SLAVE));
      ASSERT_OK_ASSIGN(const UniqueFd root, plain_tmpfs());
      const UniqueFd target(::open(temp.path().c_str(), O_PATH | O_DIRECTORY));
      ASSERT_OK(attach(root.get(), target.get()));
      ASSERT_OK(pivot_root_into(root.get()));
    });
    EXPECT_EQ(outer(), before);
  });
}

TEST(Mount, IdMappedBind) {
  const test::TempDir temp;
  test::in_child(kOwnMounts, [&] {
    test::write_text(temp / "file", "");
    ASSERT_OK_ASSIGN(const ProcHandle proc, ProcHandle::open());
    ASSERT_OK_ASSIGN(const UniqueFd ns, make_user_namespace(proc, {{{0, 5000, 10}}, {{0, 6000, 10}}}));
    ASSERT_OK_ASSIGN(const UniqueFd bind, clone_tree_at(temp.path(), false));
    ASSERT_OK(change_mount(bind.get(), {MOUNT_ATTR_IDMAP, 0, 0, ns.get()}, false));
    struct stat status {};
    ASSERT_EQ(::fstatat(bind.get(), "file", &status, 0), 0);
    EXPECT_EQ(status.st_uid, 5000U);
    EXPECT_EQ(status.st_gid, 6000U);
  });
}

TEST(Mount, LegacyCgroupHierarchy) {
  if (test::read_text("/proc/self/cgroup").find("name=systemd") == std::string::npos) {
    GTEST_SKIP() << "this host has no v1 hierarchies";
  }
  test::in_child(kOwnMounts, [] {
    const NewFilesystem hierarchy = {"cgroup", "", {{"none", ""}, {"name", "systemd"}}, 0, false};
    ASSERT_OK_ASSIGN(const UniqueFd named, make_filesystem(hierarchy));
    EXPECT_EQ(::faccessat(named.get(), "tasks", F_OK, 0), 0);
  });
}

// ---- masks ----------------------------------------------------------------------------------------------------------

TEST(Masking, CoversDirectoriesFilesAndNothing) {
  const test::TempDir temp;
  test::in_child(kOwnMounts, [&] {
    for (const char* name : {"a", "b", "c/deep"}) {
      fs::create_directories(temp / name);
      test::write_text(temp / name + "/secret", "x");
    }
    for (const char* name : {"f", "g"}) {
      test::write_text(temp / name, "secret");
    }
    fs::create_symlink("/f", temp / "link");
    const auto root = RootDir::open_host(temp.path());
    auto masker = Masker::make();
    ASSERT_TRUE(root && masker);
    for (const char* path : {"/a", "/b", "/c", "/link", "/g"}) {
      ASSERT_OK_ASSIGN(const bool covered, masker->mask(*root, path));
      EXPECT_TRUE(covered) << path;
    }
    EXPECT_FALSE(masker->mask(*root, "/missing").value());
    EXPECT_FALSE(masker->mask(*root, "/g/below").value());
    for (const char* name : {"a", "b", "c"}) {
      EXPECT_TRUE(fs::is_empty(temp / name)) << name;
      EXPECT_NE(::mkdir((temp / name + "/new").c_str(), 0755), 0);
      EXPECT_EQ(status_of(temp / name).st_mode & 07777, 0555U);
    }
    EXPECT_EQ(test::read_text(temp / "f"), "");
    EXPECT_EQ(status_of(temp / "g").st_rdev, makedev(1, 3));
    ::umount2((temp / "a").c_str(), MNT_DETACH);
  });
}

// CVE-2025-31133: a replaced /dev/null must not be used as a mask.
TEST(Masking, RefusesAnImpostorOfDevNull) {
  test::in_child(kOwnMounts, [] {
    ASSERT_EQ(::mount("tmpfs", "/dev", "tmpfs", 0, nullptr), 0);
    EXPECT_FALSE(Masker::make());
    test::write_text("/dev/null", "");
    EXPECT_FALSE(Masker::make());
    fs::remove("/dev/null");
    ASSERT_EQ(::mknod("/dev/null", S_IFCHR | 0666, makedev(1, 5)), 0);
    EXPECT_FALSE(Masker::make());
    fs::remove("/dev/null");
    fs::create_symlink("/proc/self/fd/0", "/dev/null");
    EXPECT_FALSE(Masker::make());
  });
}

TEST(Masking, ReadonlyPathTakesMountsBelowAlong) {
  const test::TempDir temp;
  test::in_child(kOwnMounts, [&] {
    fs::create_directories(temp / "dir/sub");
    ASSERT_EQ(::mount("tmpfs", (temp / "dir/sub").c_str(), "tmpfs", 0, nullptr), 0);
    const auto root = RootDir::open_host(temp.path());
    ASSERT_TRUE(root);
    ASSERT_OK_ASSIGN(const bool done, make_readonly(*root, "dir"));
    EXPECT_TRUE(done);
    EXPECT_FALSE(make_readonly(*root, "none").value());
    for (const char* name : {"dir/x", "dir/sub/x"}) {
      EXPECT_NE(::mkdir((temp / name).c_str(), 0755), 0) << name;
      EXPECT_EQ(errno, EROFS);
    }
  });
}

// ---- overlay and copies ---------------------------------------------------------------------------------------------

void check_overlay(bool in_user_namespace) {
  const test::TempDir temp;
  fs::create_directory(temp / "lower");
  test::write_text(temp / "lower/file", "original");
  ASSERT_EQ(::chmod((temp / "lower").c_str(), 0711), 0);
  const UniqueFd lower(::open((temp / "lower").c_str(), O_PATH | O_DIRECTORY));
  OverlayOptions options;
  options.in_user_namespace = in_user_namespace;
  options.size = "1m";
  options.attributes = MOUNT_ATTR_NOSUID;
  ASSERT_OK_ASSIGN(const UniqueFd overlay, make_overlay(lower.get(), options));
  const UniqueFd target(::open((temp / "lower").c_str(), O_PATH | O_DIRECTORY));
  ASSERT_OK(attach(overlay.get(), target.get()));
  EXPECT_EQ(status_of(temp / "lower").st_mode & 07777, 0711U);
  EXPECT_EQ(test::read_text(temp / "lower/file"), "original");
  test::write_text(temp / "lower/file", "changed");
  EXPECT_EQ(test::read_text(temp / "lower/file"), "changed");
  ASSERT_EQ(::unlink((temp / "lower/file").c_str()), 0);
  ASSERT_EQ(::umount2((temp / "lower").c_str(), MNT_DETACH), 0);
  EXPECT_EQ(test::read_text(temp / "lower/file"), "original");
}

TEST(Overlay, InTheInitialUserNamespace) {
  test::in_child(kOwnMounts, [] { check_overlay(false); });
}

TEST(Overlay, InAUserNamespace) {
  test::in_child(kOwnMounts, [] {
    enter_user_namespace();
    check_overlay(true);
  });
}

void fill_tree(const std::string& root) {
  fs::create_directories(root + "/dir/empty");
  test::write_text(root + "/dir/file", "content");
  ::chown((root + "/dir/file").c_str(), 10, 20);
  ::chmod((root + "/dir/file").c_str(), 04750);
  fs::create_symlink("/etc/passwd", root + "/link");
  fs::create_hard_link(root + "/dir/file", root + "/second");
  ::mkfifo((root + "/fifo").c_str(), 0640);
  ::mknod((root + "/null").c_str(), S_IFCHR | 0600, makedev(1, 3));
  const UniqueFd sparse(::open((root + "/sparse").c_str(), O_WRONLY | O_CREAT, 0600));
  ::ftruncate(sparse.get(), 1L << 40);
  ::pwrite(sparse.get(), "x", 1, 1L << 30);
  ::chmod((root + "/dir").c_str(), 01700);
  const timespec times[2] = {{1000, 0}, {2000, 5}};
  ::utimensat(AT_FDCWD, (root + "/dir").c_str(), times, 0);
  ::utimensat(AT_FDCWD, (root + "/link").c_str(), times, AT_SYMLINK_NOFOLLOW);
}

TEST(TreeCopy, KeepsWhatMakesATree) {
  const test::TempDir temp;
  test::in_child(kOwnMounts, [&] {
    fs::create_directories(temp / "from");
    fs::create_directories(temp / "to");
    fill_tree(temp / "from");
    fs::create_directories(temp / "from/mounted");
    ASSERT_EQ(::mount("tmpfs", (temp / "from/mounted").c_str(), "tmpfs", 0, nullptr), 0);
    test::write_text(temp / "from/mounted/foreign", "");
    ASSERT_EQ(::mount("tmpfs", (temp / "to").c_str(), "tmpfs", 0, nullptr), 0);
    const UniqueFd from(::open((temp / "from").c_str(), O_PATH | O_DIRECTORY));
    const UniqueFd to(::open((temp / "to").c_str(), O_PATH | O_DIRECTORY));
    ASSERT_OK_ASSIGN(const TreeCopyStats stats, copy_tree(from.get(), to.get()));
    EXPECT_EQ(stats.skipped, 0U);
    EXPECT_EQ(test::read_text(temp / "to/dir/file"), "content");
    const struct stat file = status_of(temp / "to/dir/file");
    EXPECT_EQ(file.st_mode & 07777, 04750U);
    EXPECT_EQ(file.st_uid, 10U);
    EXPECT_EQ(file.st_gid, 20U);
    EXPECT_EQ(file.st_ino, status_of(temp / "to/second").st_ino);
    EXPECT_EQ(fs::read_symlink(temp / "to/link"), "/etc/passwd");
    EXPECT_EQ(status_of(temp / "to/link").st_mtim.tv_sec, 2000);
    EXPECT_EQ(status_of(temp / "to/dir").st_mode & 07777, 01700U);
    EXPECT_EQ(status_of(temp / "to/dir").st_mtim.tv_nsec, 5);
    EXPECT_TRUE(S_ISFIFO(status_of(temp / "to/fifo").st_mode));
    EXPECT_EQ(status_of(temp / "to/null").st_rdev, makedev(1, 3));
    EXPECT_EQ(status_of(temp / "to/sparse").st_size, 1L << 40);
    EXPECT_LT(status_of(temp / "to/sparse").st_blocks, 10000);
    EXPECT_TRUE(fs::is_empty(temp / "to/mounted"));
    ::umount2((temp / "from/mounted").c_str(), MNT_DETACH);
    ::umount2((temp / "to").c_str(), MNT_DETACH);
  });
}

TEST(TreeCopy, AFullTargetIsAnError) {
  const test::TempDir temp;
  test::in_child(kOwnMounts, [&] {
    test::write_text(temp / "big", std::string(1 << 20, 'x'));
    ASSERT_OK_ASSIGN(const UniqueFd small, make_filesystem({"tmpfs", "", {{"size", "64k"}}, 0, false}));
    const UniqueFd from(::open(temp.path().c_str(), O_PATH | O_DIRECTORY));
    EXPECT_EQ(copy_tree(from.get(), small.get()).error().sys_errno, ENOSPC);
  });
}

// ---- devices --------------------------------------------------------------------------------------------------------

TEST(Device, NodesGetExactModeAndOwner) {
  test::in_child(kOwnMounts, [] {
    ::umask(077);
    ASSERT_OK_ASSIGN(UniqueFd tmpfs, plain_tmpfs());
    const auto root = RootDir::adopt(std::move(tmpfs));
    ASSERT_TRUE(root);
    EXPECT_EQ(make_device(*root, "/dev/null", {'c', 1, 3, 0666, 7, 8}).value(), DeviceOrigin::made);
    EXPECT_EQ(make_device(*root, "/dev/null", {'u', 1, 3, 0600, 7, 8}).value(), DeviceOrigin::existing);
    EXPECT_EQ(make_device(*root, "/dev/null", {'c', 1, 5, 0666, 0, 0}).error().sys_errno, EEXIST);
    EXPECT_EQ(make_device(*root, "/dev/pipe", {'p', 0, 0, 0622, 0, 0}).value(), DeviceOrigin::made);
    EXPECT_FALSE(make_device(*root, "/dev/x", {'x', 0, 0, 0, 0, 0}));
    struct stat status {};
    ASSERT_EQ(::fstatat(root->fd(), "dev/null", &status, 0), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
    EXPECT_EQ(status.st_uid, 7U);
    ASSERT_OK(make_symlink(*root, "/proc/self/fd", "/dev/fd"));
    ASSERT_OK(make_symlink(*root, "/proc/self/fd", "/dev/fd"));
    EXPECT_EQ(make_symlink(*root, "elsewhere", "/dev/fd").error().sys_errno, EEXIST);
  });
}

// CVE-2026-41579: /dev of the rootfs is a link to the host's.
TEST(Device, DevLinkedToTheOutsideStaysInside) {
  const test::TempDir temp;
  fs::create_directories(temp / "root");
  fs::create_directories(temp / "outside");
  fs::create_symlink(temp / "outside", temp / "root/dev");
  const auto root = RootDir::open_host(temp / "root");
  ASSERT_TRUE(root);
  ASSERT_OK(make_device(*root, "/dev/null", {'c', 1, 3, 0666, 0, 0}));
  EXPECT_TRUE(fs::is_empty(temp / "outside"));
  ::symlink("/dev/null", (temp.path() + "/root" + (temp / "outside/zero")).c_str());
  EXPECT_EQ(make_device(*root, "/dev/zero", {'c', 1, 5, 0666, 0, 0}).error().sys_errno, EEXIST);
}

TEST(Device, BoundFromTheHostInAUserNamespace) {
  test::in_child(kOwnMounts, [] {
    enter_user_namespace();
    const test::TempDir temp;
    ASSERT_OK_ASSIGN(const UniqueFd tmpfs, plain_tmpfs());
    const UniqueFd target(::open(temp.path().c_str(), O_PATH | O_DIRECTORY));
    ASSERT_OK(attach(tmpfs.get(), target.get()));
    const auto root = RootDir::open_host(temp.path());
    ASSERT_TRUE(root);
    ASSERT_OK_ASSIGN(const DeviceOrigin origin, make_device(*root, "/dev/null", {'c', 1, 3, 0666, 0, 0}));
    EXPECT_EQ(origin, DeviceOrigin::bound);
    EXPECT_EQ(status_of(temp / "dev/null").st_rdev, makedev(1, 3));
    EXPECT_FALSE(make_device(*root, "/dev/zero", {'c', 1, 3, 0666, 0, 0}));  // the host's is another device
    ::umount2(temp.path().c_str(), MNT_DETACH);
  });
}

}  // namespace
}  // namespace nucleus::sys
