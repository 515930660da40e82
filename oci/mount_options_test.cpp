#include "oci/mount_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#if __has_include(<linux/mount.h>)
#include <linux/mount.h>
#endif

namespace nucleus::oci {
namespace {

namespace attr = mount_attr;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

MountOptionSet parse(const std::vector<std::string>& options) { return parse_mount_options(options); }

TEST(MountOptions, NumbersAreTheKernels) {
#ifdef MOUNT_ATTR_NOSYMFOLLOW
  EXPECT_EQ(attr::kReadonly, MOUNT_ATTR_RDONLY);
  EXPECT_EQ(attr::kNosuid, MOUNT_ATTR_NOSUID);
  EXPECT_EQ(attr::kNodev, MOUNT_ATTR_NODEV);
  EXPECT_EQ(attr::kNoexec, MOUNT_ATTR_NOEXEC);
  EXPECT_EQ(attr::kAtimeMask, MOUNT_ATTR__ATIME);
  EXPECT_EQ(attr::kNoatime, MOUNT_ATTR_NOATIME);
  EXPECT_EQ(attr::kStrictatime, MOUNT_ATTR_STRICTATIME);
  EXPECT_EQ(attr::kNodiratime, MOUNT_ATTR_NODIRATIME);
  EXPECT_EQ(attr::kNosymfollow, MOUNT_ATTR_NOSYMFOLLOW);
#else
  GTEST_SKIP() << "kernel headers older than 5.14";
#endif
}

TEST(MountOptions, EveryNameIsFound) {
  for (const MountOption& option : mount_options()) {
    EXPECT_EQ(find_mount_option(option.name), &option);
  }
  EXPECT_EQ(find_mount_option("size=64k"), nullptr);
  EXPECT_EQ(find_mount_option(""), nullptr);
  EXPECT_EQ(find_mount_option("RO"), nullptr);
}

// Each recursive attribute mirrors the plain one of the same name without r.
TEST(MountOptions, RecursiveFormsMirrorThePlainOnes) {
  for (const MountOption& option : mount_options()) {
    if (option.kind == MountOptionKind::recursive_attribute) {
      const MountOption* plain = find_mount_option(option.name.substr(1));
      ASSERT_NE(plain, nullptr) << option.name;
      EXPECT_EQ(plain->kind, MountOptionKind::attribute);
      EXPECT_EQ(plain->set, option.set) << option.name;
      EXPECT_EQ(plain->clear, option.clear) << option.name;
    }
  }
}

TEST(MountOptions, LaterOnesOverride) {
  EXPECT_EQ(parse({"ro", "rw"}).own.set, 0U);
  EXPECT_EQ(parse({"ro", "rw"}).own.clear, attr::kReadonly);
  EXPECT_EQ(parse({"rw", "ro"}).own.set, attr::kReadonly);
  EXPECT_EQ(parse({"noatime", "strictatime"}).own.set, attr::kStrictatime);
  EXPECT_EQ(parse({"noatime", "relatime"}).own.set, 0U);
  EXPECT_EQ(parse({"private", "rslave"}).propagation, "rslave");
}

TEST(MountOptions, AccessTimeAlwaysClearsTheWholeField) {
  for (const MountOption& option : mount_options()) {
    if ((option.set & attr::kAtimeMask) != 0) {
      EXPECT_EQ(option.clear, attr::kAtimeMask) << option.name;
    }
  }
}

TEST(MountOptions, EachKindHasItsPlace) {
  const MountOptionSet set =
      parse({"rbind", "nosuid", "rro", "rprivate", "ridmap", "sync", "defaults", "size=64k", "mode=755"});
  EXPECT_TRUE(set.bind);
  EXPECT_TRUE(set.recursive);
  EXPECT_EQ(set.own.set, attr::kNosuid);
  EXPECT_EQ(set.tree.set, attr::kReadonly);
  EXPECT_EQ(set.propagation, "rprivate");
  EXPECT_TRUE(set.idmap);
  EXPECT_TRUE(set.idmap_recursive);
  EXPECT_THAT(set.superblock, ElementsAre("sync"));
  EXPECT_THAT(set.data, ElementsAre("size=64k", "mode=755"));
  EXPECT_FALSE(parse({"bind", "idmap"}).idmap_recursive);
  EXPECT_FALSE(parse({"bind"}).recursive);
  EXPECT_TRUE(parse({"tmpcopyup"}).tmpcopyup);
  EXPECT_TRUE(parse({"remount"}).remount);
  EXPECT_THAT(parse({"defaults", "loud", "silent", ""}).data, IsEmpty());
}

TEST(MountOptions, FormIsChecked) {
  for (const std::string_view good :
       {"", "ro", "size=64k", "context=\"system_u:object_r:x:s0:c1,c2\"", "lowerdir=/a:/b", "x="}) {
    EXPECT_TRUE(check_mount_option(good)) << good;
  }
  for (const std::string_view bad : {"=x", "a,b", "size=1\n", "a\x7f", "context=\"a,b", "x=\"a\",dev"}) {
    EXPECT_FALSE(check_mount_option(bad)) << bad;
  }
  EXPECT_FALSE(check_mount_option(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace nucleus::oci
