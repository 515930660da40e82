#include "hardening/mount_kind.hpp"
#include "hardening/test_support.hpp"
#include "oci/mount_options.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Options = std::vector<std::string>;

oci::Spec with(const oci::Mount& mount) {
  auto spec = plain_spec();
  spec.mounts = {mount};
  return spec;
}

struct FlagCase {
  const char* name;
  oci::Mount mount;
  Options expected;
};

class MountFlags : public ::testing::TestWithParam<FlagCase> {};

TEST_P(MountFlags, AreForced) {
  const auto run = run_rule(harden_mounts, with(GetParam().mount), Mode::strict_agent);
  ASSERT_TRUE(run.status) << run.error();
  ASSERT_EQ(run.spec.mounts.size(), 1U);
  EXPECT_EQ(run.spec.mounts[0].options, GetParam().expected);
  EXPECT_EQ(run.changed(), GetParam().mount.options != GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, MountFlags,
    ::testing::Values(
        FlagCase{"proc", mount_of("/proc", "proc", "proc", {}), {"nosuid", "nodev", "noexec"}},
        FlagCase{"sysfs", mount_of("/sys", "sysfs", "sysfs", {"rw"}), {"nosuid", "nodev", "noexec", "ro"}},
        FlagCase{"cgroup",
                 mount_of("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "rw"}),
                 {"nosuid", "noexec", "nodev", "ro"}},
        FlagCase{"dev", mount_of("/dev", "tmpfs", "tmpfs", {"mode=755"}), {"mode=755", "nosuid", "noexec"}},
        FlagCase{
            "devpts", mount_of("/dev/pts", "devpts", "devpts", {"newinstance"}), {"newinstance", "nosuid", "noexec"}},
        FlagCase{"mqueue", mount_of("/dev/mqueue", "mqueue", "mqueue", {}), {"nosuid", "nodev", "noexec"}},
        FlagCase{"tmpfs",
                 mount_of("/tmp", "tmpfs", "tmpfs", {"exec", "suid", "dev", "size=1m"}),
                 {"size=1m", "nosuid", "nodev", "noexec"}},
        FlagCase{"bind",
                 mount_of("/etc/hosts", "bind", "/srv/hosts", {"bind", "rprivate"}),
                 {"bind", "rprivate", "nosuid", "nodev", "noexec"}},
        FlagCase{"bind_ro_may_exec",
                 mount_of("/run/podman-init", "bind", "/usr/bin/catatonit", {"bind", "ro"}),
                 {"bind", "ro", "nosuid", "nodev"}},
        FlagCase{"rbind_covers_submounts",
                 mount_of("/data", "bind", "/srv/data", {"rbind"}),
                 {"rbind", "nosuid", "rnosuid", "nodev", "rnodev", "noexec", "rnoexec"}},
        FlagCase{"rbind_ro_covers_submounts",
                 mount_of("/data", "bind", "/srv/data", {"rbind", "ro", "rsuid"}),
                 {"rbind", "ro", "nosuid", "rnosuid", "nodev", "rnodev", "rro"}},
        FlagCase{"recursive_words_decide",
                 mount_of("/data", "bind", "/srv/data", {"rbind", "ro", "rrw"}),
                 {"rbind", "ro", "rrw", "nosuid", "rnosuid", "nodev", "rnodev", "noexec", "rnoexec"}},
        FlagCase{"last_word_wins",
                 mount_of("/data", "bind", "/srv/data", {"bind", "ro", "rw"}),
                 {"bind", "ro", "rw", "nosuid", "nodev", "noexec"}},
        FlagCase{"propagation",
                 mount_of("/data", "none", "/srv/data", {"bind", "ro", "nosuid", "nodev", "rshared"}),
                 {"bind", "ro", "nosuid", "nodev", "rslave"}}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(Mounts, GrantsLiftOneDestination) {
  auto spec = with(mount_of("/work/", "bind", "/srv/work", {"bind"}));
  const auto exec = run_rule(harden_mounts, spec, Mode::strict_agent, small_policy({"exec:/work"}));
  EXPECT_FALSE(has_flag(exec.spec.mounts[0].options, "noexec"));
  EXPECT_EQ(exec.count(FindingKind::granted), 1U);
  const auto other = run_rule(harden_mounts, spec, Mode::strict_agent, small_policy({"exec:/wor"}));
  EXPECT_TRUE(has_flag(other.spec.mounts[0].options, "noexec"));
  spec = with(mount_of("/sys/fs/cgroup", "cgroup", "cgroup", {"rw"}));
  const auto writable = run_rule(harden_mounts, spec, Mode::strict_agent, small_policy({"writable:/sys/fs/cgroup"}));
  EXPECT_FALSE(is_read_only(writable.spec.mounts[0]));
}

TEST(Mounts, SharedStaysWhenGranted) {
  const auto spec = with(mount_of("/data", "bind", "/srv", {"bind", "ro", "nosuid", "nodev", "shared"}));
  EXPECT_FALSE(run_rule(harden_mounts, spec, Mode::agent, small_policy({"shared-mounts"})).changed());
}

class SensitiveBinds : public ::testing::TestWithParam<const char*> {};

TEST_P(SensitiveBinds, AreRequests) {
  const auto spec = with(mount_of("/x", "bind", GetParam(), {"bind", "ro"}));
  const auto agent = run_rule(harden_mounts, spec);
  ASSERT_TRUE(agent.status);
  EXPECT_THAT(agent.spec.mounts, IsEmpty());
  EXPECT_EQ(agent.count(FindingKind::dropped), 1U);
  EXPECT_EQ(agent.report.findings[0].path, "/mounts");
  EXPECT_THAT(run_rule(harden_mounts, spec, Mode::strict_agent).error(), HasSubstr("request bind"));
}

INSTANTIATE_TEST_SUITE_P(All, SensitiveBinds,
                         ::testing::Values("/", "//", "/.", "/srv/..", "/proc", "/proc/1/root", "/sys",
                                           "/sys/fs/cgroup", "/boot", "/dev", "/dev/sda", "/dev/shm", "/etc",
                                           "/etc/shadow", "/etc/shadow-", "/etc/./shadow", "/run",
                                           "/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock",
                                           "/run/user/1000/podman/podman.sock", "/run/containerd",
                                           "/run/containerd/s/0123", "/run/containerd/containerd.sock.ttrpc",
                                           "/run/docker/netns", "/var", "/var/lib/docker", "/var/lib/containers",
                                           "../../../..", "../x", ""));

class PlainBinds : public ::testing::TestWithParam<const char*> {};

TEST_P(PlainBinds, Stay) {
  const auto run = run_rule(harden_mounts, with(mount_of("/x", "bind", GetParam(), {"bind"})), Mode::strict_agent);
  EXPECT_TRUE(run.status) << run.error();
  EXPECT_EQ(run.spec.mounts.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(All, PlainBinds,
                         ::testing::Values("/srv/data", "/home/user/work", "/dev/null",
                                           "/var/lib/containers/storage/overlay-containers/1/userdata/shm",
                                           "/var/lib/docker/volumes/v/_data", "/run/containers/storage/1/hosts",
                                           "/run/containerd/io.containerd.grpc.v1.cri/sandboxes/1/shm", "data",
                                           "/procedures", "/system", "/bootstrap", "/devel", "/var/runner"));

TEST(Mounts, HostSettingsAndProgramsOnlyForReading) {
  for (const char* source : {"/etc/localtime", "/etc/cron.d", "/usr/local/bin/tool", "/lib/systemd/system"}) {
    const auto read = run_rule(harden_mounts, with(mount_of("/x", "bind", source, {"bind", "ro"})), Mode::strict_agent);
    EXPECT_TRUE(read.status) << source << ": " << read.error();
    const auto write = run_rule(harden_mounts, with(mount_of("/x", "bind", source, {"bind"})), Mode::strict_agent);
    EXPECT_THAT(write.error(), HasSubstr("request bind")) << source;
  }
  for (const char* source : {"/run/systemd/private", "/run/dbus/system_bus_socket"}) {
    EXPECT_FALSE(
        run_rule(harden_mounts, with(mount_of("/x", "bind", source, {"bind", "ro"})), Mode::strict_agent).status)
        << source;
  }
}

TEST(Mounts, ASymlinkIsNoWayAround) {
  const auto spec = with(mount_of("/x", "bind", "/srv/innocent", {"bind"}));
  auto facts = root_facts();
  facts.bind_sources["/srv/innocent"] = "/proc/1/root";
  const auto run = run_rule(harden_mounts, spec, Mode::strict_agent, small_policy(), facts);
  EXPECT_THAT(run.error(), HasSubstr("/srv/innocent leads to /proc/1/root"));
}

TEST(Mounts, AGrantedBindStays) {
  const auto spec = with(mount_of("/dev/fuse", "bind", "/dev/fuse", {"bind"}));
  const auto run = run_rule(harden_mounts, spec, Mode::strict_agent, small_policy({"bind:/dev/fuse"}));
  ASSERT_TRUE(run.status) << run.error();
  EXPECT_EQ(run.spec.mounts[0].options, (Options{"bind", "nosuid", "noexec"})) << "a device node needs dev";
}

TEST(Mounts, HostKernelMountsOnlyWithTheNamespaceTheyStandFor) {
  auto spec = with(mount_of("/sys", "bind", "/sys", {"rbind", "nosuid", "noexec", "nodev"}));
  EXPECT_FALSE(run_rule(harden_mounts, spec, Mode::strict_agent).status);
  std::erase_if(spec.linux.namespaces, [](const auto& entry) { return entry.type == "network"; });
  const auto run = run_rule(harden_mounts, spec, Mode::strict_agent);
  ASSERT_TRUE(run.status) << run.error();
  EXPECT_TRUE(has_flag(run.spec.mounts[0].options, "ro"));
  EXPECT_THAT(run.spec.mounts[0].options, ::testing::Contains("rro"));
}

TEST(Mounts, UnusualFileSystemsAreRequests) {
  const auto spec = with(mount_of("/x", "overlay", "overlay", {"lowerdir=/"}));
  EXPECT_THAT(run_rule(harden_mounts, spec).spec.mounts, IsEmpty());
  EXPECT_THAT(run_rule(harden_mounts, spec, Mode::strict_agent).error(), HasSubstr("mount-type:overlay"));
  const auto granted = run_rule(harden_mounts, spec, Mode::strict_agent, small_policy({"mount-type:overlay"}));
  EXPECT_TRUE(has_flag(granted.spec.mounts.at(0).options, "noexec"));
}

// The rule reads options by name. If the table learns another word for one of these flags, it must learn it too.
TEST(Mounts, NoOtherWordSaysTheSame) {
  using namespace oci::mount_attr;
  constexpr auto kOurs = kReadonly | kNosuid | kNodev | kNoexec;
  for (const auto& option : oci::mount_options()) {
    if (((option.set | option.clear) & kOurs) == 0) {
      continue;
    }
    const std::string plain(option.name.substr(option.kind == oci::MountOptionKind::recursive_attribute ? 1 : 0));
    EXPECT_THAT(plain, ::testing::AnyOf("ro", "rw", "suid", "nosuid", "dev", "nodev", "exec", "noexec"));
  }
}

}  // namespace
}  // namespace nucleus::hardening
