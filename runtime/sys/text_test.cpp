// Parsers and formatters of the kernel side that need no kernel.
#include <gtest/gtest.h>

#include "runtime/sys/cgroup.hpp"
#include "runtime/sys/id_map.hpp"
#include "runtime/sys/procfs.hpp"
#include "runtime/sys/root_walk.hpp"
#include "runtime/sys/scheduling.hpp"

namespace nucleus::sys {
namespace {

TEST(SysctlPath, FirstSeparatorDecides) {
  EXPECT_EQ(sysctl_path("net.ipv4.ip_forward").value(), "sys/net/ipv4/ip_forward");
  EXPECT_EQ(sysctl_path("net/ipv4/ip_forward").value(), "sys/net/ipv4/ip_forward");
  EXPECT_EQ(sysctl_path("net.ipv4.conf.eth0/100.mtu").value(), "sys/net/ipv4/conf/eth0.100/mtu");
  EXPECT_EQ(sysctl_path("net/ipv4/conf/eth0.100/mtu").value(), "sys/net/ipv4/conf/eth0.100/mtu");
}

TEST(SysctlPath, ClimbingAndMalformedNamesAreRefused) {
  for (const char* name : {"", ".", "..", "net..x", "/net", "net/", "net/../kernel/core_pattern", "net."}) {
    EXPECT_FALSE(sysctl_path(name)) << name;
  }
}

TEST(NumberList, KernelLists) {
  EXPECT_EQ(parse_number_list("0-3,7"), (std::vector<unsigned>{0, 1, 2, 3, 7}));
  EXPECT_EQ(parse_number_list("5,1,1"), (std::vector<unsigned>{1, 5}));
  for (const char* text : {"", "3-1", "1,", ",1", "a", "1-", "-1", "0-9000", "99999999999999999999", "1 2"}) {
    EXPECT_FALSE(parse_number_list(text)) << text;
  }
}

TEST(IdMap, OneLineARange) {
  EXPECT_EQ(format_id_map({{0, 100000, 65536}, {65536, 4294967294, 1}}), "0 100000 65536\n65536 4294967294 1\n");
}

TEST(SplitPath, EmptyComponentsVanish) {
  EXPECT_EQ(split_path("//a/./b//"), (std::vector<std::string>{"a", ".", "b"}));
  EXPECT_TRUE(split_path("/").empty());
}

constexpr const char* kHybridMounts =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 /box /sys/fs/cgroup/mem\\040ory rw - cgroup cgroup rw,memory\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
    "42 31 0:37 / /elsewhere rw - cgroup cgroup rw,xattr,name=systemd\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
constexpr const char* kOwn = "9:name=systemd:/init\n4:memory:/box/x\n1:cpu,cpuacct:/\n0::/\n";

TEST(CgroupFacts, HybridHost) {
  const CgroupFacts facts = parse_cgroups(kHybridMounts, kOwn);
  EXPECT_EQ(facts.layout, CgroupLayout::hybrid);
  const std::vector<CgroupV1Mount> expected = {{"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/"},
                                               {"memory", "/sys/fs/cgroup/mem ory", "/x"},
                                               {"name=systemd", "/sys/fs/cgroup/systemd", "/init"}};
  EXPECT_EQ(facts.v1, expected);
  EXPECT_EQ(facts.v2_mountpoint, "/sys/fs/cgroup/unified");
}

TEST(CgroupFacts, PureV2AndNone) {
  const CgroupFacts v2 = parse_cgroups("1 1 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/user.slice\n");
  EXPECT_EQ(v2.layout, CgroupLayout::v2);
  EXPECT_EQ(v2.v2_own_path, "/user.slice");
  EXPECT_EQ(parse_cgroups("1 1 0:1 / / rw - ext4 x rw\n", "").layout, CgroupLayout::none);
  EXPECT_EQ(parse_cgroups("garbage - cgroup\n\n - cgroup2", "::::").layout, CgroupLayout::none);
}

TEST(LocateCgroup, AbsoluteAndRelative) {
  const CgroupFacts facts = parse_cgroups(kHybridMounts, kOwn);
  const auto absolute = locate_cgroup(facts, "/a//./b", false);
  ASSERT_TRUE(absolute);
  ASSERT_EQ(absolute->size(), 3U);
  EXPECT_EQ((*absolute)[1].path, "/sys/fs/cgroup/mem ory/a/b");
  EXPECT_EQ(locate_cgroup(facts, "b", true).value()[1].path, "/sys/fs/cgroup/mem ory/x/b");
  CgroupFacts unified;
  unified.layout = CgroupLayout::v2;
  unified.v2_mountpoint = "/sys/fs/cgroup";
  unified.v2_own_path = "/user.slice/session.scope";
  EXPECT_EQ(locate_cgroup(unified, "b", true).value()[0].path, "/sys/fs/cgroup/user.slice/b");
  unified.v2_own_path = "/";
  EXPECT_EQ(locate_cgroup(unified, "b", true).value()[0].path, "/sys/fs/cgroup/b");
  EXPECT_FALSE(locate_cgroup(facts, "/a/../../etc", false));
  EXPECT_FALSE(locate_cgroup(facts, "/", false));
  EXPECT_FALSE(locate_cgroup(facts, "", true));
}

}  // namespace
}  // namespace nucleus::sys
