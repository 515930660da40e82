#include "runtime/launch/receipt_items.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "hardening/digest.hpp"

namespace nucleus::launch {
namespace {

// A container of root that is confined as asked; each test bends one thing.
class ReceiptItems : public ::testing::Test {
 protected:
  ReceiptItems() {
    spec_.process.emplace();
    spec_.process->no_new_privileges = true;
    spec_.linux.namespaces = {{"pid", "", {}}, {"network", "/run/netns/x", {}}};
    truth_.status = {{"Uid", "0\t0\t0\t0"}, {"Gid", "0\t0\t0\t0"}, {"CapBnd", kNone}, {"CapPrm", kNone},
                     {"CapEff", kNone},     {"CapInh", kNone},     {"CapAmb", kNone}, {"NoNewPrivs", "1"},
                     {"Seccomp", "0"},      {"Groups", ""}};
    truth_.namespaces = {{"pid", "4:[11]"}, {"network", "4:[12]"}, {"uts", "4:[3]"}};
    truth_.mounts = {{"/", "overlay", "rw,relatime"}};
    host_ = {{"pid", "4:[1]"}, {"network", "4:[2]"}, {"uts", "4:[3]"}};
  }

  [[nodiscard]] std::vector<state::ReceiptItem> items() const {
    return receipt_items(
        {spec_, confinement_, truth_, host_, egress_ ? &*egress_ : nullptr, limits_, filter_, watch_, denied_});
  }
  [[nodiscard]] state::ReceiptItem item(const std::string& control) const {
    const auto all = items();
    const auto hit = std::ranges::find(all, control, &state::ReceiptItem::control);
    return hit == all.end() ? state::ReceiptItem{control, "", "(no such item)", false} : *hit;
  }
  [[nodiscard]] std::vector<std::string> wrong() const {
    std::vector<std::string> out;
    for (const auto& entry : items()) {
      if (!entry.matches) {
        out.push_back(entry.control);
      }
    }
    return out;
  }
  using Names = std::vector<std::string>;

  static constexpr const char* kNone = "0000000000000000";
  static constexpr const char* kKill = "0000000000000020";
  oci::Spec spec_;
  hardening::Confinement confinement_;
  KernelTruth truth_;
  std::map<std::string, std::string> host_;
  std::optional<EgressTruth> egress_;
  std::vector<CgroupFile> limits_;
  std::string filter_;
  std::string watch_;
  std::vector<hardening::TraceRecord> denied_;
};

TEST_F(ReceiptItems, EverythingAsAsked) { EXPECT_EQ(wrong(), Names{}); }

TEST_F(ReceiptItems, EgressRulesMustBeThoseThatWereInstalled) {
  EXPECT_EQ(item("egress.rules").observed, "none");
  egress_ = EgressTruth{true, true, "", 7, 420, {{"198.51.100.7", 6, 443}, {"2001:db8::1", 132, 9}}};
  EXPECT_EQ(wrong(), Names{});
  EXPECT_EQ(item("egress.denied").observed, "7 packets");
  EXPECT_EQ(item("egress.denied 198.51.100.7").observed, "tcp 443");
  EXPECT_EQ(item("egress.denied 2001:db8::1").observed, "protocol 132 9");
  egress_->following = false;
  EXPECT_EQ(wrong(), Names{"egress.names"});
  egress_->following = true;
  egress_->difference = "rule 3 of output";
  EXPECT_EQ(wrong(), Names{"egress.rules"});
}

TEST_F(ReceiptItems, AWatchIsTold) {
  EXPECT_EQ(item("seccomp.watch").observed, "(no such item)");
  watch_ = "denied system calls are recorded";
  denied_ = {{"flock", 73, {}, 2, "a", "b", hardening::TraceVerdict::denied, 38}};
  EXPECT_EQ(item("seccomp.watch").observed, watch_);
  EXPECT_EQ(item("seccomp.denied flock").observed,
            "denied 2 times, last of \"b\", errno 38; allowed by the entry {\"names\": [\"flock\"], \"action\": "
            "\"SCMP_ACT_ALLOW\"} in seccomp.json");
  EXPECT_EQ(wrong(), Names{});
}

TEST_F(ReceiptItems, NothingIsTakenForGrantedThatTheKernelDoesNotReport) {
  truth_.status.clear();
  EXPECT_EQ(wrong(),
            (Names{"uid", "groups", "gid", "capabilities.bounding", "capabilities.permitted", "capabilities.effective",
                   "capabilities.inheritable", "capabilities.ambient", "no_new_privs", "seccomp.mode"}));
}

TEST_F(ReceiptItems, EachCapabilitySetIsCompared) {
  for (const auto& [field, control] : std::map<std::string, std::string>{{"CapBnd", "capabilities.bounding"},
                                                                         {"CapPrm", "capabilities.permitted"},
                                                                         {"CapEff", "capabilities.effective"},
                                                                         {"CapInh", "capabilities.inheritable"},
                                                                         {"CapAmb", "capabilities.ambient"}}) {
    truth_.status[field] = kKill;
    EXPECT_EQ(wrong(), Names{control});
    truth_.status[field] = kNone;
  }
}

TEST_F(ReceiptItems, RootGetsTheBoundingSetAtExec) {
  spec_.process->no_new_privileges = false;
  truth_.status["NoNewPrivs"] = "0";
  spec_.process->capabilities.emplace();
  spec_.process->capabilities->bounding = {"CAP_KILL"};
  EXPECT_EQ(item("capabilities.permitted").expected, kKill);
  EXPECT_EQ(item("capabilities.effective").expected, kKill);
}

TEST_F(ReceiptItems, UnderNoNewPrivsRootKeepsOnlyWhatItHad) {
  spec_.process->capabilities.emplace();
  spec_.process->capabilities->bounding = {"CAP_KILL", "CAP_CHOWN"};
  EXPECT_EQ(item("capabilities.permitted").expected, kNone);
  spec_.process->capabilities->permitted = {"CAP_KILL"};
  EXPECT_EQ(item("capabilities.permitted").expected, kKill);
}

TEST_F(ReceiptItems, OthersKeepTheAmbientSet) {
  spec_.process->user.uid = 1000;
  spec_.process->capabilities.emplace();
  spec_.process->capabilities->bounding = {"CAP_KILL", "CAP_CHOWN"};
  spec_.process->capabilities->permitted = {"CAP_KILL", "CAP_CHOWN"};
  EXPECT_EQ(item("capabilities.effective").expected, kNone);
  spec_.process->capabilities->inheritable = {"CAP_KILL"};
  spec_.process->capabilities->ambient = {"CAP_KILL"};
  EXPECT_EQ(item("capabilities.effective").expected, kKill);
  EXPECT_EQ(item("uid").expected, "1000\t1000\t1000\t1000");
}

TEST_F(ReceiptItems, IdsAreTheHosts) {
  spec_.linux.uid_mappings = {{0, 1000, 1, {}}, {1, 100000, 65535, {}}};
  spec_.linux.gid_mappings = {{0, 100000, 10, {}}};
  EXPECT_EQ(item("uid").expected, "1000\t1000\t1000\t1000");
  spec_.process->user.uid = 5;
  EXPECT_EQ(item("uid").expected, "100004\t100004\t100004\t100004");
  spec_.process->user.gid = 10;
  EXPECT_FALSE(item("gid").matches) << "not mapped at all";
}

TEST_F(ReceiptItems, TheMappingOfAJoinedUserNamespaceIsNotKnown) {
  spec_.linux.namespaces.push_back({"user", "/proc/1/ns/user", {}});
  truth_.status["Uid"] = "7\t7\t7\t7";
  EXPECT_TRUE(item("uid").matches);
  EXPECT_EQ(item("uid").expected, "");
}

TEST_F(ReceiptItems, SeccompModeAndFilter) {
  spec_.linux.seccomp.emplace();
  filter_ = "the filter";
  EXPECT_EQ(wrong(), Names{"seccomp.mode"});
  truth_.status["Seccomp"] = "2";
  EXPECT_TRUE(item("seccomp.filter").matches) << "where it cannot be read, it is not judged";
  EXPECT_EQ(item("seccomp.filter").observed, "(not readable)");
  truth_.filter = filter_;
  EXPECT_EQ(item("seccomp.filter").expected, hardening::to_hex(hardening::sha256(filter_)));
  EXPECT_EQ(wrong(), Names{});
  truth_.filter = "another filter";
  EXPECT_EQ(wrong(), Names{"seccomp.filter"});
}

TEST_F(ReceiptItems, ANewNamespaceIsNotTheHosts) {
  EXPECT_EQ(item("namespace.pid").observed, "own 4:[11]");
  EXPECT_EQ(item("namespace.uts").observed, "host 4:[3]") << "not asked for, recorded only";
  truth_.namespaces["pid"] = "4:[1]";
  EXPECT_EQ(wrong(), Names{"namespace.pid"});
}

TEST_F(ReceiptItems, CoreLimit) {
  spec_.process->rlimits = {{"RLIMIT_CORE", 0, 0, {}}};
  EXPECT_EQ(wrong(), Names{"rlimit.core"});
  truth_.limits["Max core file size"] = "0 unlimited";
  EXPECT_EQ(wrong(), Names{"rlimit.core"});
  truth_.limits["Max core file size"] = "0 0";
  EXPECT_EQ(wrong(), Names{});
}

TEST_F(ReceiptItems, AMountHasTheFlagsAskedFor) {
  oci::Mount mount;
  mount.destination = "/data/";
  mount.options = {"rbind", "ro", "nosuid", "rnodev", "noexec"};
  spec_.mounts = {mount};
  EXPECT_EQ(item("mount /data").observed, "(not mounted)");
  truth_.mounts.push_back({"/data", "ext4", "ro,nosuid,nodev,noexec,relatime"});
  EXPECT_EQ(wrong(), Names{});
  truth_.mounts.back().options = "ro,nosuid,noexec,relatime";
  EXPECT_EQ(item("mount /data").expected, "ro,nosuid,nodev,noexec");
  EXPECT_EQ(item("mount /data").observed, "ro,nosuid,noexec");
  truth_.mounts.back().options = "rw,nosuid,nodev,noexec,errors=remount-ro";
  EXPECT_EQ(item("mount /data").observed, "nosuid,nodev,noexec") << "words, not substrings";
}

TEST_F(ReceiptItems, TheTopmostMountCounts) {
  oci::Mount mount;
  mount.destination = "//data/./x";
  mount.options = {"ro"};
  spec_.mounts = {mount};
  truth_.mounts.push_back({"/data/x", "tmpfs", "ro"});
  EXPECT_EQ(wrong(), Names{});
  truth_.mounts.push_back({"/data/x", "tmpfs", "rw"});
  EXPECT_EQ(wrong(), Names{"mount /data/x"});
}

TEST_F(ReceiptItems, AReadOnlyRoot) {
  spec_.root.readonly = true;
  EXPECT_EQ(wrong(), Names{"mount /"});
  truth_.mounts[0].options = "ro,relatime";
  EXPECT_EQ(wrong(), Names{});
}

// The host's tree below or above the container's root is one setns(2) away.
TEST_F(ReceiptItems, ThereIsOneRoot) {
  truth_.mounts.push_back({"/", "ext4", "rw"});
  EXPECT_EQ(wrong(), Names{"mount / stacked"});
  truth_.mounts.clear();
  EXPECT_EQ(wrong(), Names{"mount / stacked"});
}

// /var/run is a link to /run in most images.
TEST_F(ReceiptItems, AMountBehindASymlinkIsFound) {
  oci::Mount mount;
  mount.destination = "/var/run/secrets";
  mount.options = {"ro"};
  spec_.mounts = {mount};
  truth_.mounts.push_back({"/run/secrets", "tmpfs", "ro", 42});
  EXPECT_EQ(item("mount /var/run/secrets").observed, "(not mounted)");
  truth_.paths["/var/run/secrets"] = {42, false};
  EXPECT_EQ(item("mount /var/run/secrets").observed, "(not mounted)") << "lies on the mount, is not it";
  truth_.paths["/var/run/secrets"] = {42, true};
  EXPECT_EQ(wrong(), Names{});
  truth_.mounts.back().options = "rw";
  EXPECT_EQ(wrong(), Names{"mount /var/run/secrets"});
}

TEST_F(ReceiptItems, APathThatExistsMustBeCovered) {
  spec_.linux.masked_paths = {"/proc/kcore"};
  spec_.linux.readonly_paths = {"/proc/sys"};
  EXPECT_EQ(wrong(), Names{}) << "neither is there";
  truth_.paths["/proc/kcore"] = {7, false};
  truth_.paths["/proc/sys"] = {7, false};
  EXPECT_EQ(wrong(), (Names{"masked /proc/kcore", "readonly /proc/sys"}));
  truth_.mounts.push_back({"/elsewhere", "tmpfs", "ro", 8});
  truth_.paths["/proc/kcore"] = truth_.paths["/proc/sys"] = {8, true};
  EXPECT_EQ(wrong(), Names{});
}

TEST_F(ReceiptItems, MaskedAndReadOnlyPaths) {
  spec_.linux.masked_paths = {"/proc/kcore", "/proc/keys"};
  spec_.linux.readonly_paths = {"/proc/sys", "/proc/bus"};
  truth_.mounts.push_back({"/proc/kcore", "tmpfs", "ro"});
  truth_.mounts.push_back({"/proc/sys", "proc", "ro"});
  EXPECT_EQ(item("masked /proc/kcore").observed, "covered by tmpfs");
  EXPECT_EQ(item("masked /proc/keys").observed, "absent");
  EXPECT_EQ(wrong(), Names{});
  truth_.mounts.back().options = "rw";
  EXPECT_EQ(wrong(), Names{"readonly /proc/sys"});
}

TEST_F(ReceiptItems, GroupsAreComparedSorted) {
  spec_.process->user.additional_gids = {30, 10};
  EXPECT_EQ(wrong(), Names{"groups"});
  truth_.status["Groups"] = "10 30";
  EXPECT_EQ(wrong(), Names{});
  spec_.process->user.additional_gids.clear();
  EXPECT_EQ(wrong(), Names{"groups"}) << "the caller's groups stayed";
  spec_.linux.gid_mappings = {{0, 1000, 1, {}}};
  truth_.status["Gid"] = "1000\t1000\t1000\t1000";
  EXPECT_EQ(wrong(), Names{}) << "such a user namespace denies setgroups";
}

TEST_F(ReceiptItems, ASecurityLabelMustBeTheOnePlannedAndEnforce) {
  truth_.label = "unconfined";
  EXPECT_EQ(wrong(), Names{});
  spec_.process->apparmor_profile = "box";
  EXPECT_EQ(wrong(), Names{"apparmor"});
  truth_.label = "box (complain)";
  EXPECT_EQ(wrong(), Names{"apparmor"});
  truth_.label = "box (enforce)";
  EXPECT_EQ(wrong(), Names{});
  spec_.process->apparmor_profile.clear();
  spec_.process->selinux_label = "a:b:c:d";
  EXPECT_EQ(wrong(), Names{"selinux"});
}

TEST_F(ReceiptItems, LimitsOfTheCgroupArePartOfIt) {
  limits_ = {{{"pids", "pids.max", "100"}, "max"}};
  EXPECT_EQ(wrong(), Names{"cgroup pids.max"});
}

}  // namespace
}  // namespace nucleus::launch
