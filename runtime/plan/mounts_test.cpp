// mounts[], default devices and cgroup file systems as operations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/mount_options.hpp"
#include "runtime/plan/test_support.hpp"

namespace nucleus::plan {
namespace {

using namespace test;
namespace attr = oci::mount_attr;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

LaunchPlan plan_with(const oci::Mount& mount, CgroupLayout layout = CgroupLayout::v2) {
  oci::Spec spec = minimal_spec();
  spec.mounts = {mount};
  return plan_of(spec, host_facts(layout)).value();
}

LaunchPlan cgroup_plan(CgroupLayout layout, bool own_namespace, const std::string& path = "/pod/box",
                       const std::string& type = "cgroup") {
  oci::Spec spec = minimal_spec();
  spec.mounts = {mount_of("/sys/fs/cgroup", type, "cgroup", {"ro", "nosuid"})};
  spec.linux.cgroups_path = path;
  if (!own_namespace) {
    std::erase_if(spec.linux.namespaces, [](const auto& entry) { return entry.type == "cgroup"; });
  }
  return plan_of(spec, host_facts(layout)).value();
}

TEST(Filesystems, TerminalsHaveAGroupOnlyIfItIsMapped) {
  oci::Spec spec = minimal_spec();
  spec.mounts = {mount_of("/dev/pts", "devpts", "devpts", {"newinstance", "mode=0620", "gid=5"})};
  const auto parameters = [&] { return all<MountFilesystem>(plan_of(spec).value()).at(0).parameters; };
  EXPECT_THAT(parameters(), ::testing::Contains(Pair("gid", "5")));
  spec.linux.namespaces.push_back({"user", "", {}});
  spec.linux.uid_mappings = {{0, 1000, 1, {}}};
  spec.linux.gid_mappings = {{0, 1000, 1, {}}};
  EXPECT_THAT(parameters(), ::testing::Not(::testing::Contains(Pair("gid", "5"))));
  spec.linux.gid_mappings.push_back({1, 100000, 10, {}});
  EXPECT_THAT(parameters(), ::testing::Contains(Pair("gid", "5")));
}

// ---- bind mounts ----------------------------------------------------------------------------------------------------

TEST(BindMounts, OptionsOfOneMountAndOfTheTreeStayApart) {
  const auto plan = plan_with(mount_of("/data", "bind", "/srv/data", {"rbind", "ro", "rnosuid", "rprivate"}));
  ASSERT_EQ(plan.detached.size(), 1U);
  const DetachedMount& bind = plan.detached.front();
  EXPECT_EQ(bind.source, "/srv/data");
  EXPECT_TRUE(bind.recursive);
  EXPECT_EQ(bind.own.set, attr::kReadonly);
  EXPECT_EQ(bind.tree.set, attr::kNosuid);
  EXPECT_FALSE(bind.shared);
  EXPECT_TRUE(bind.uid_mappings.empty());
  const auto attached = all<AttachMount>(plan);
  ASSERT_EQ(attached.size(), 1U);
  EXPECT_EQ(attached[0].index, 0U);
  EXPECT_EQ(attached[0].target, "/data");
  EXPECT_EQ(attached[0].propagation, "rprivate");
}

TEST(BindMounts, RelativeSourcesStartAtTheBundle) {
  EXPECT_EQ(plan_with(mount_of("/data", "", "data", {"bind"})).detached[0].source, "/bundle/data");
}

TEST(BindMounts, SharedOnesStayInTheHostsPeerGroup) {
  EXPECT_TRUE(plan_with(mount_of("/data", "bind", "/srv", {"rbind", "rshared"})).detached[0].shared);
  EXPECT_FALSE(plan_with(mount_of("/data", "bind", "/srv", {"rbind", "rslave"})).detached[0].shared);
}

TEST(BindMounts, IdMappingsAreTheMountsOwnOrTheNamespaces) {
  oci::Spec spec = minimal_spec();
  spec.linux.namespaces.push_back({"user", "", {}});
  spec.linux.uid_mappings = {{0, 100000, 65536, {}}};
  spec.linux.gid_mappings = {{0, 200000, 65536, {}}};
  oci::Mount own = mount_of("/own", "bind", "/srv", {"bind"});
  own.uid_mappings = {{0, 1000, 1, {}}};
  own.gid_mappings = {{0, 1001, 1, {}}};
  spec.mounts = {mount_of("/inherited", "bind", "/srv", {"bind", "ridmap"}), own,
                 mount_of("/plain", "bind", "/srv", {"bind"})};
  const auto plan = plan_of(spec).value();
  ASSERT_EQ(plan.detached.size(), 3U);
  EXPECT_EQ(plan.detached[0].uid_mappings, spec.linux.uid_mappings);
  EXPECT_EQ(plan.detached[0].gid_mappings, spec.linux.gid_mappings);
  EXPECT_TRUE(plan.detached[0].idmap_recursive);
  EXPECT_EQ(plan.detached[1].uid_mappings, own.uid_mappings);
  EXPECT_EQ(plan.detached[1].gid_mappings, own.gid_mappings);
  EXPECT_FALSE(plan.detached[1].idmap_recursive);
  EXPECT_TRUE(plan.detached[2].uid_mappings.empty());
}

TEST(BindMounts, IdMappedFileSystemsAreRefused) {
  oci::Spec spec = minimal_spec();
  spec.mounts = {mount_of("/tmp", "tmpfs", "tmpfs", {"idmap"})};
  const auto plan = plan_of(spec);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::invalid_config);
}

// ---- file systems of their own --------------------------------------------------------------------------------------

TEST(FileSystems, FlagsAndParameters) {
  const auto plan = plan_with(
      mount_of("/tmp", "tmpfs", "tmp", {"nosuid", "nodev", "size=64k", "mode=1777", "sync", "tmpcopyup", "private"}));
  const auto mounts = all<MountFilesystem>(plan);
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].attributes, attr::kNosuid | attr::kNodev);
  EXPECT_THAT(mounts[0].parameters, ElementsAre(Pair("sync", ""), Pair("size", "64k"), Pair("mode", "1777")));
  EXPECT_TRUE(mounts[0].copy_up);
  EXPECT_EQ(mounts[0].propagation, "private");
  EXPECT_THAT(all<RemountReadonly>(plan), IsEmpty());
}

TEST(FileSystems, AReadOnlyTmpfsIsFilledFirst) {
  const auto plan = plan_with(mount_of("/dev", "tmpfs", "tmpfs", {"nosuid", "ro"}));
  EXPECT_EQ(all<MountFilesystem>(plan)[0].attributes, attr::kNosuid);
  const auto remounts = all<RemountReadonly>(plan);
  ASSERT_EQ(remounts.size(), 1U);
  EXPECT_EQ(remounts[0].target, "/dev");
  EXPECT_LT(position<MakeDeviceNode>(plan), position<RemountReadonly>(plan));
}

TEST(FileSystems, OthersAreReadOnlyAtOnce) {
  const auto plan = plan_with(mount_of("/sys", "sysfs", "sysfs", {"ro"}));
  EXPECT_EQ(all<MountFilesystem>(plan)[0].attributes, attr::kReadonly);
  EXPECT_THAT(all<RemountReadonly>(plan), IsEmpty());
}

TEST(FileSystems, OrderIsTheConfigs) {
  oci::Spec spec = minimal_spec();
  spec.mounts = {mount_of("/a", "tmpfs", "tmpfs", {}), mount_of("/a/b", "bind", "/srv", {"bind"}),
                 mount_of("/a/b/c", "tmpfs", "tmpfs", {})};
  const std::string text = text_of(plan_of(spec).value());
  EXPECT_LT(text.find("tmpfs on /a\n"), text.find("bind mount on /a/b\n"));
  EXPECT_LT(text.find("bind mount on /a/b\n"), text.find("tmpfs on /a/b/c\n"));
}

// ---- cgroups --------------------------------------------------------------------------------------------------------

TEST(CgroupMounts, V2InANamespaceOfItsOwn) {
  for (const char* type : {"cgroup", "cgroup2"}) {
    const auto mounts = all<MountFilesystem>(cgroup_plan(CgroupLayout::v2, true, "/pod/box", type));
    ASSERT_EQ(mounts.size(), 1U);
    EXPECT_EQ(mounts[0].type, "cgroup2");
    EXPECT_EQ(mounts[0].attributes, attr::kReadonly | attr::kNosuid);
  }
}

TEST(CgroupMounts, V2WithoutANamespaceShowsTheContainersOwnDirectory) {
  EXPECT_EQ(cgroup_plan(CgroupLayout::v2, false).detached.at(0).source, "/sys/fs/cgroup/pod/box");
  EXPECT_EQ(cgroup_plan(CgroupLayout::v2, false, "pod/box").detached.at(0).source, "/sys/fs/cgroup/outer/pod/box");
  EXPECT_EQ(cgroup_plan(CgroupLayout::v2, false, "").detached.at(0).source, "/sys/fs/cgroup/outer/box");
}

TEST(CgroupMounts, V1IsATmpfsWithOneFileSystemAHierarchy) {
  for (const CgroupLayout layout : {CgroupLayout::v1, CgroupLayout::hybrid}) {
    const auto plan = cgroup_plan(layout, true);
    const auto mounts = all<MountFilesystem>(plan);
    ASSERT_EQ(mounts.size(), 4U);
    EXPECT_EQ(mounts[0].type, "tmpfs");
    EXPECT_EQ(mounts[0].attributes, attr::kNosuid) << "links and mount points must find room";
    EXPECT_THAT(mounts[0].symlinks, ElementsAre(Pair("cpu", "cpu,cpuacct"), Pair("cpuacct", "cpu,cpuacct")));
    EXPECT_EQ(mounts[1].type, "cgroup");
    EXPECT_EQ(mounts[1].target, "/sys/fs/cgroup/cpu,cpuacct");
    EXPECT_THAT(mounts[1].parameters, ElementsAre(Pair("cpu", ""), Pair("cpuacct", "")));
    EXPECT_EQ(mounts[2].attributes, attr::kReadonly | attr::kNosuid);
    EXPECT_THAT(mounts[3].parameters, ElementsAre(Pair("name", "systemd")));
    EXPECT_EQ(all<RemountReadonly>(plan).at(0).target, "/sys/fs/cgroup");
  }
}

TEST(CgroupMounts, V1WithoutANamespaceBindsTheContainersOwnDirectories) {
  const auto plan = cgroup_plan(CgroupLayout::v1, false, "pod/box");
  ASSERT_EQ(plan.detached.size(), 3U);
  EXPECT_EQ(plan.detached[0].source, "/sys/fs/cgroup/cpu,cpuacct/pod/box");
  EXPECT_EQ(plan.detached[1].source, "/sys/fs/cgroup/memory/outer/pod/box");
  EXPECT_EQ(all<AttachMount>(plan)[1].target, "/sys/fs/cgroup/memory");
}

TEST(CgroupMounts, AHostWithoutCgroupsRefusesTheMount) {
  oci::Spec spec = minimal_spec();
  spec.mounts = {mount_of("/sys/fs/cgroup", "cgroup", "cgroup", {})};
  EXPECT_FALSE(plan_of(spec, host_facts(CgroupLayout::none)));
}

// ---- devices --------------------------------------------------------------------------------------------------------

std::vector<std::string> device_paths(const LaunchPlan& plan) {
  std::vector<std::string> out;
  for (const auto& node : all<MakeDeviceNode>(plan)) {
    out.push_back(node.device.path);
  }
  return out;
}

TEST(Devices, TheDefaultSetAndTheLinks) {
  const auto plan = plan_of(minimal_spec()).value();
  EXPECT_THAT(device_paths(plan),
              ElementsAre("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"));
  EXPECT_EQ(all<MakeDeviceNode>(plan)[0].device.file_mode, 0666U);
  EXPECT_EQ(all<MakeSymlink>(plan).size(), 5U);
}

TEST(Devices, TheConfigsOwnComeAfterAndReplaceDefaultsOfTheSamePath) {
  oci::Spec spec = minimal_spec();
  spec.linux.devices = {{"/dev/fuse", "c", 10, 229, {}, {}, {}, {}}, {"/dev/null", "c", 1, 3, 0600, 5, 6, {}}};
  const auto plan = plan_of(spec).value();
  EXPECT_THAT(device_paths(plan), ElementsAre("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
                                              "/dev/fuse", "/dev/null"));
  const auto nodes = all<MakeDeviceNode>(plan);
  EXPECT_EQ(nodes[5].device.file_mode, 0666U);
  EXPECT_EQ(nodes[5].device.uid, 0U);
  EXPECT_EQ(nodes[6].device.file_mode, 0600U);
  EXPECT_EQ(nodes[6].device.uid, 5U);
}

// Nodes and links would land in the host's /dev.
TEST(Devices, NothingIsMadeInABoundDev) {
  for (const auto& mount : {mount_of("/dev", "bind", "/dev", {"rbind"}), mount_of("/dev", "", "/dev", {"bind"}),
                            mount_of("/dev", "bind", "/dev", {}), mount_of("/dev/", "bind", "/dev", {"rbind"}),
                            mount_of("//dev/.", "none", "/dev", {"rbind"})}) {
    const auto plan = plan_with(mount);
    EXPECT_THAT(all<MakeDeviceNode>(plan), IsEmpty()) << mount.destination;
    EXPECT_THAT(all<MakeSymlink>(plan), IsEmpty()) << mount.destination;
  }
  EXPECT_FALSE(all<MakeDeviceNode>(plan_with(mount_of("/dev/shm", "bind", "/x", {"rbind"}))).empty());
}

}  // namespace
}  // namespace nucleus::plan
