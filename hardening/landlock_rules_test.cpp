#include "hardening/landlock_rules.hpp"

#include "hardening/test_support.hpp"
#include "runtime/base/landlock_rights.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using ::testing::HasSubstr;

constexpr std::uint64_t kWrites = landlock::kWriteFile | landlock::kMakeReg | landlock::kRemoveFile;

std::uint64_t access_of(const LandlockRuleset& rules, std::string_view path) {
  const auto hit = std::ranges::find(rules.paths, path, &LandlockPath::path);
  return hit == rules.paths.end() ? 0 : hit->access;
}

bool can_execute(std::uint64_t access) { return (access & landlock::kExecute) != 0; }
bool can_write(std::uint64_t access) { return (access & kWrites) != 0; }

oci::Spec engine_spec() {
  auto spec = plain_spec();
  spec.mounts = {mount_of("/proc", "proc", "proc", {}),
                 mount_of("/dev", "tmpfs", "tmpfs", {}),
                 mount_of("/dev/pts", "devpts", "devpts", {}),
                 mount_of("/dev/shm", "tmpfs", "shm", {}),
                 mount_of("/sys", "sysfs", "sysfs", {"ro"}),
                 mount_of("/data", "bind", "/srv/data", {"rbind"}),
                 mount_of("/var/lib/db", "bind", "/srv/db", {"rbind"}),
                 mount_of("/run/init", "bind", "/usr/bin/init", {"bind", "ro"})};
  return run_rule(harden_mounts, spec).spec;
}

TEST(Landlock, BitsFollowTheAbi) {
  const auto word = [](Access access) { return static_cast<AccessSet>(access); };
  EXPECT_EQ(landlock_bits(word(Access::read), 7), landlock::kReadFile | landlock::kReadDir);
  EXPECT_EQ(landlock_bits(word(Access::write), 2), landlock::kWriteFile);
  EXPECT_EQ(landlock_bits(word(Access::write), 3), landlock::kWriteFile | landlock::kTruncate);
  EXPECT_EQ(landlock_bits(word(Access::create), 1) & landlock::kRefer, 0U);
  EXPECT_NE(landlock_bits(word(Access::create), 2) & landlock::kRefer, 0U);
  EXPECT_EQ(landlock_bits(word(Access::create), 7) & (landlock::kMakeChar | landlock::kMakeBlock), 0U);
  EXPECT_EQ(landlock_bits(word(Access::ioctl), 4), 0U);
  EXPECT_EQ(landlock_bits(word(Access::ioctl), 5), landlock::kIoctlDev);
}

TEST(Landlock, WritableRoot) {
  const auto rules = landlock_rules(engine_spec(), small_policy(), root_facts(), false);
  EXPECT_EQ(rules.handled_fs, landlock::all_fs_rights(7));
  EXPECT_EQ(access_of(rules, "/"), landlock::kReadDir) << "rights add up: / would open everything";
  for (const auto* const code : {"/bin", "/usr"}) {
    EXPECT_TRUE(can_execute(access_of(rules, code))) << code;
    EXPECT_FALSE(can_write(access_of(rules, code))) << code;
  }
  for (const auto* const data : {"/etc", "/tmp", "/var", "/data", "/var/lib/db", "/dev/shm"}) {
    EXPECT_FALSE(can_execute(access_of(rules, data))) << data;
    EXPECT_TRUE(can_write(access_of(rules, data))) << data;
  }
  EXPECT_TRUE(can_execute(access_of(rules, "/app")) && can_write(access_of(rules, "/app")));
  EXPECT_THAT(landlock_notes(engine_spec(), small_policy(), root_facts(), false),
              ::testing::ElementsAre(HasSubstr("/app stays writable and executable")));
}

TEST(Landlock, KernelMounts) {
  const auto rules = landlock_rules(engine_spec(), small_policy(), root_facts(), false);
  EXPECT_EQ(access_of(rules, "/sys"), landlock::kReadFile | landlock::kReadDir);
  EXPECT_EQ(access_of(rules, "/proc") & (landlock::kExecute | landlock::kMakeReg), 0U);
  EXPECT_NE(access_of(rules, "/proc") & landlock::kWriteFile, 0U);
  EXPECT_NE(access_of(rules, "/dev/pts") & landlock::kIoctlDev, 0U);
  EXPECT_EQ(access_of(rules, "/dev") & landlock::kMakeReg, 0U);
  EXPECT_TRUE(can_execute(access_of(rules, "/run/init")));
}

TEST(Landlock, ReadOnlyRoot) {
  auto spec = engine_spec();
  spec.root.readonly = true;
  const auto rules = landlock_rules(spec, small_policy(), root_facts(), false);
  for (const auto* const path : {"/app", "/bin", "/etc", "/usr"}) {
    EXPECT_TRUE(can_execute(access_of(rules, path))) << path;
    EXPECT_FALSE(can_write(access_of(rules, path))) << path;
  }
  EXPECT_FALSE(can_execute(access_of(rules, "/var"))) << "would make the volume below it executable";
  EXPECT_FALSE(can_execute(access_of(rules, "/var/lib/db")));
}

TEST(Landlock, GrantsMakeWritableAndExecutable) {
  auto spec = plain_spec();
  spec.mounts = {mount_of("/data", "bind", "/srv/data", {"rbind"})};
  const auto policy = small_policy({"exec:/data", "exec:/tmp", "exec:/usr"});
  spec = run_rule(harden_mounts, spec, Mode::agent, policy).spec;
  const auto rules = landlock_rules(spec, policy, root_facts(), false);
  for (const auto* const path : {"/data", "/tmp", "/usr"}) {
    EXPECT_TRUE(can_execute(access_of(rules, path)) && can_write(access_of(rules, path))) << path;
  }
  EXPECT_FALSE(can_write(access_of(rules, "/bin")));
}

TEST(Landlock, AMountReplacesTheDirectoryItCovers) {
  auto spec = plain_spec();
  spec.mounts = {mount_of("/app", "bind", "/srv/app", {"bind"})};
  spec = run_rule(harden_mounts, spec).spec;
  EXPECT_FALSE(can_execute(access_of(landlock_rules(spec, small_policy(), root_facts(), false), "/app")));
}

TEST(Landlock, FilesAndSymlinksAtTheTop) {
  auto facts = root_facts();
  facts.rootfs.top_level = {{"entry.sh", RootEntry::Kind::file}, {"lib", RootEntry::Kind::symlink}};
  const auto rules = landlock_rules(plain_spec(), small_policy(), facts, false);
  EXPECT_EQ(access_of(rules, "/entry.sh"), landlock::kReadFile | landlock::kExecute);
  EXPECT_EQ(access_of(rules, "/lib"), 0U);
}

TEST(Landlock, AnUnreadableRootGetsTheUsualNames) {
  auto facts = root_facts();
  facts.rootfs.readable = false;
  facts.rootfs.top_level.clear();
  EXPECT_TRUE(can_execute(access_of(landlock_rules(plain_spec(), small_policy(), facts, true), "/usr")));
  EXPECT_FALSE(landlock_notes(plain_spec(), small_policy(), facts, true).empty());
}

TEST(Landlock, PolicyRulesReplaceThoseOfTheRootFileSystem) {
  auto policy = small_policy();
  policy.landlock.rules = {{"/x/", static_cast<AccessSet>(Access::read), ""},
                           {"/x", static_cast<AccessSet>(Access::execute), ""}};
  const auto rules = landlock_rules(engine_spec(), policy, root_facts(), false);
  EXPECT_EQ(access_of(rules, "/x"), landlock::kReadFile | landlock::kReadDir | landlock::kExecute);
  for (const auto* path : {"/", "/usr", "/bin", "/etc", "/app"}) {
    EXPECT_EQ(access_of(rules, path), 0U) << path;
  }
  EXPECT_EQ(rules.paths.size(), 1 + engine_spec().mounts.size());
}

TEST(Landlock, WithPolicyRulesAVolumeHasWhatItsMountSaysUnlessARuleNamesIt) {
  auto policy = small_policy();
  policy.landlock.rules = {{"/x", static_cast<AccessSet>(Access::read), ""}};
  const auto derived = landlock_rules(engine_spec(), small_policy(), root_facts(), false);
  auto rules = landlock_rules(engine_spec(), policy, root_facts(), false);
  for (const auto* path : {"/data", "/var/lib/db", "/run/init", "/proc", "/dev", "/dev/pts", "/dev/shm", "/sys"}) {
    EXPECT_EQ(access_of(rules, path), access_of(derived, path)) << path;
  }
  policy.landlock.rules.push_back({"/data", static_cast<AccessSet>(Access::read), ""});
  rules = landlock_rules(engine_spec(), policy, root_facts(), false);
  EXPECT_EQ(access_of(rules, "/data"), landlock::kReadFile | landlock::kReadDir);
  EXPECT_TRUE(can_write(access_of(rules, "/var/lib/db")));
}

TEST(Landlock, WordsThatAMountsFlagsRuleOutGiveNothingAndAreSaid) {
  const auto all =
      static_cast<AccessSet>(static_cast<AccessSet>(Access::read) | static_cast<AccessSet>(Access::write) |
                             static_cast<AccessSet>(Access::create) | static_cast<AccessSet>(Access::execute));
  auto spec = engine_spec();
  spec.root.readonly = true;
  spec.mounts.push_back(mount_of("/quiet", "tmpfs", "tmpfs", {"noexec"}));
  auto policy = small_policy();
  policy.landlock.rules = {
      {"/run/init", all, "a"}, {"/quiet/below", all, "b"}, {"/usr", all, "c"}, {"/nowhere/x", all, "d"}};
  const auto rules = landlock_rules(spec, policy, root_facts(), false);
  EXPECT_FALSE(can_write(access_of(rules, "/run/init")));
  EXPECT_TRUE(can_execute(access_of(rules, "/run/init")));
  EXPECT_TRUE(can_write(access_of(rules, "/quiet/below")));
  EXPECT_FALSE(can_execute(access_of(rules, "/quiet/below")));
  EXPECT_FALSE(can_write(access_of(rules, "/usr"))) << "a read-only root";
  const auto notes = landlock_notes(spec, policy, root_facts(), false);
  EXPECT_THAT(notes, ::testing::IsSupersetOf(
                         {HasSubstr("write create gives nothing at /run/init: the mount at /run/init is read-only [a]"),
                          HasSubstr("execute gives nothing at /quiet/below: the mount at /quiet is noexec [b]"),
                          HasSubstr("gives nothing at /usr: the root file system is read-only [c]"),
                          HasSubstr("has no /nowhere: the rule for /nowhere/x gives nothing [d]")}));
}

TEST(Landlock, ScopesOnlyWhereTheHostIsShared) {
  auto spec = plain_spec();
  EXPECT_EQ(landlock_rules(spec, small_policy(), root_facts(), false).scoped, 0U);
  spec.linux.namespaces.clear();
  EXPECT_EQ(landlock_rules(spec, small_policy(), root_facts(), false).scoped, landlock::all_scopes(6));
  auto old = root_facts();
  old.landlock_abi = 5;
  EXPECT_EQ(landlock_rules(spec, small_policy(), old, false).scoped, 0U);
}

TEST(Landlock, WithoutTheKernelsHelp) {
  auto facts = root_facts();
  facts.landlock_abi = 0;
  EXPECT_EQ(landlock_rules(engine_spec(), small_policy(), facts, false), LandlockRuleset{});
  EXPECT_THAT(run_rule(require_landlock, plain_spec(), Mode::strict_agent, small_policy(), facts).error(),
              HasSubstr("this kernel has no Landlock"));
  EXPECT_EQ(run_rule(require_landlock, plain_spec(), Mode::agent, small_policy(), facts).count(FindingKind::note), 1U);
}

}  // namespace
}  // namespace nucleus::hardening
