#include "runtime/launch/readback.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

namespace nucleus::launch {
namespace {

TEST(ParseStatus, KeysAndTrimmedValues) {
  const auto status = parse_status("Name:\tsleep\nUmask:\t0022\nUid:\t0\t0\t0\t0\nGroups:\t \nSeccomp:\t2\nno colon\n");
  EXPECT_EQ(status.at("Name"), "sleep");
  EXPECT_EQ(status.at("Uid"), "0\t0\t0\t0");
  EXPECT_EQ(status.at("Groups"), "");
  EXPECT_EQ(status.at("Seccomp"), "2");
  EXPECT_EQ(status.size(), 5U);
  EXPECT_TRUE(parse_status("").empty());
  EXPECT_EQ(parse_status("Last: line").at("Last"), "line");
}

// A process may name itself what it likes; the kernel escapes the newline, a colon stays.
TEST(ParseStatus, ANameWithAColonIsStillOneValue) {
  EXPECT_EQ(parse_status("Name:\tSeccomp:\\n0\nSeccomp:\t2\n").at("Seccomp"), "2");
}

TEST(ParseMountinfo, OptionalFieldsAreSkipped) {
  const auto mounts = parse_mountinfo(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
      "37 36 0:21 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
      "38 36 0:22 / /shared ro shared:5 master:1 propagate_from:2 unbindable - tmpfs tmpfs rw\n");
  ASSERT_EQ(mounts.size(), 3U);
  EXPECT_EQ(mounts[0].target, "/mnt2");
  EXPECT_EQ(mounts[0].type, "ext3");
  EXPECT_EQ(mounts[0].options, "rw,noatime");
  EXPECT_EQ(mounts[0].id, 36U);
  EXPECT_EQ(mounts[1].type, "proc");
  EXPECT_EQ(mounts[2].target, "/shared");
  EXPECT_EQ(mounts[2].options, "ro") << "of the mount, not of the file system";
}

TEST(ParseMountinfo, EscapesOfBlanksAndBackslashes) {
  const auto mounts = parse_mountinfo(
      "36 35 0:1 / /with\\040blank\\011tab\\012line\\134slash rw - tmpfs tmpfs rw\n"
      "37 35 0:1 / /ends\\040 rw - tmpfs tmpfs rw\n"
      "38 35 0:1 / /- rw - tmpfs tmpfs rw\n");
  ASSERT_EQ(mounts.size(), 3U);
  EXPECT_EQ(mounts[0].target, "/with blank\ttab\nline\\slash");
  EXPECT_EQ(mounts[1].target, "/ends ");
  EXPECT_EQ(mounts[2].target, "/-");
}

TEST(ParseMountinfo, LinesThatAreNoMountsAreLeftOut) {
  EXPECT_TRUE(parse_mountinfo("").empty());
  EXPECT_TRUE(parse_mountinfo("\n\nnonsense\n36 35 0:1 / /x rw\n36 35 0:1 / /x rw shared:1 -\n").empty());
}

// Lines of /proc/PID/limits as Linux 6.1 prints them.
TEST(ParseLimits, ColumnsAreFixed) {
  const auto limits = parse_limits(
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max cpu time              unlimited            unlimited            seconds   \n"
      "Max core file size        0                    0                    bytes     \n"
      "Max open files            1024                 1048576              files     \n"
      "Max nice priority         0                    0                    \n"
      "Max realtime timeout      unlimited            unlimited            us        \n");
  EXPECT_EQ(limits.size(), 5U);
  EXPECT_EQ(limits.at("Max cpu time"), "unlimited unlimited");
  EXPECT_EQ(limits.at("Max core file size"), "0 0");
  EXPECT_EQ(limits.at("Max open files"), "1024 1048576");
  EXPECT_EQ(limits.at("Max nice priority"), "0 0");
  EXPECT_TRUE(parse_limits("Max\n").empty());
}

TEST(ReadBack, OfThisProcess) {
  const auto proc = sys::ProcHandle::open();
  ASSERT_TRUE(proc) << proc.error().text;
  const auto truth = read_back(*proc, ::getpid(), false);
  ASSERT_TRUE(truth) << truth.error().text;
  EXPECT_EQ(truth->status.at("Pid"), std::to_string(::getpid()));
  EXPECT_FALSE(truth->mounts.empty());
  EXPECT_EQ(truth->limits.count("Max core file size"), 1U);
  EXPECT_EQ(truth->namespaces.count("mount"), 1U);
  EXPECT_TRUE(truth->filter.empty());
  EXPECT_FALSE(read_back(*proc, 0, false));
}

TEST(LookUp, FindsTheMountThatAPathLeadsTo) {
  const auto proc = sys::ProcHandle::open().value();
  auto truth = read_back(proc, ::getpid(), false).value();
  look_up(proc, ::getpid(), {"/proc", "/proc/sys/kernel", "/no/such/path", "/dev/fd/0"}, truth);
  ASSERT_EQ(truth.paths.count("/proc"), 1U);
  EXPECT_TRUE(truth.paths["/proc"].covered);
  const auto mount = std::ranges::find(truth.mounts, truth.paths["/proc"].mount, &MountEntry::id);
  ASSERT_NE(mount, truth.mounts.end());
  EXPECT_EQ(mount->target, "/proc");
  EXPECT_FALSE(truth.paths["/proc/sys/kernel"].covered);
  EXPECT_EQ(truth.paths.count("/no/such/path"), 0U);
  EXPECT_EQ(truth.paths.count("/dev/fd/0"), 0U) << "a magic link";
}

}  // namespace
}  // namespace nucleus::launch
