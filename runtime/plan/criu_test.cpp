#include "runtime/plan/criu.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nucleus::plan {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

std::vector<std::string> values_of(const std::vector<std::string>& words, const std::string& option) {
  std::vector<std::string> out;
  for (const auto& word : words) {
    if (word.starts_with(option + "=")) {
      out.push_back(word.substr(option.size() + 1));
    }
  }
  return out;
}

// The only value of an option, or "" where the option is not there.
std::string value_of(const std::vector<std::string>& words, const std::string& option) {
  const auto values = values_of(words, option);
  return values.size() == 1 ? values.front() : "";
}

DumpPlan dump() {
  DumpPlan plan;
  plan.choices.images = "/images";
  plan.pid = 42;
  plan.cgroups = "soft";
  return plan;
}

RestorePlan restore() {
  RestorePlan plan;
  plan.choices.images = "/images";
  plan.root = "/stage/root";
  plan.pid_file = "/state/criu.pid";
  return plan;
}

TEST(Criu, DumpStopsTheContainerByDefault) {
  const auto words = dump_arguments(dump()).value();
  EXPECT_THAT(words, ElementsAre("criu", "dump", "--no-default-config", "--log-file=dump.log", "-v4",
                                 "--images-dir=/images", "--tree=42", "--manage-cgroups=soft"));
}

TEST(Criu, DumpTakesTheChoicesOfTheCommandLine) {
  DumpPlan plan = dump();
  plan.choices = {"/images", "/work", true, true, true, true, true, true, true};
  plan.leave_running = true;
  plan.status_fd = 7;
  plan.parent = "../before";
  plan.freezer = "/sys/fs/cgroup/c1";
  const auto words = dump_arguments(plan).value();
  EXPECT_THAT(words, IsSupersetOf({"--tcp-established", "--ext-unix-sk", "--shell-job", "--file-locks", "--lazy-pages",
                                   "--auto-dedup", "--leave-running", "--track-mem"}));
  EXPECT_EQ(value_of(words, "--work-dir"), "/work");
  EXPECT_EQ(value_of(words, "--empty-ns"), "net");
  EXPECT_EQ(value_of(words, "--status-fd"), "7");
  EXPECT_EQ(value_of(words, "--prev-images-dir"), "../before");
  EXPECT_EQ(value_of(words, "--freeze-cgroup"), "/sys/fs/cgroup/c1");
}

TEST(Criu, PreDumpLeavesTheContainerRunning) {
  DumpPlan plan = dump();
  plan.pre_dump = true;
  const auto words = dump_arguments(plan).value();
  EXPECT_EQ(words[1], "pre-dump");
  EXPECT_THAT(words, IsSupersetOf({"--track-mem", "--leave-running"}));
}

TEST(Criu, PageServerIsAnAddressAndAPort) {
  DumpPlan plan = dump();
  plan.page_server = "::1:27";
  const auto words = dump_arguments(plan).value();
  EXPECT_EQ(value_of(words, "--address"), "::1");
  EXPECT_EQ(value_of(words, "--port"), "27");
  for (const char* wrong : {"host", ":27", "host:"}) {
    plan.page_server = wrong;
    EXPECT_EQ(dump_arguments(plan).error().code, ErrorCode::usage) << wrong;
  }
}

TEST(Criu, DumpNamesWhatIsNotTheContainers) {
  DumpPlan plan = dump();
  plan.mounts = {{"/data", "/srv/data"}};
  plan.namespaces = {{"network", 4026531840, -1}, {"ipc", 1, -1}};
  plan.files = {"file[1f:2a]"};
  EXPECT_THAT(values_of(dump_arguments(plan).value(), "--external"),
              ElementsAre("mnt[/srv/data]:/data", "net[4026531840]:extRootNetNS", "file[1f:2a]"));
}

TEST(Criu, RestoreLeavesEverythingStoppedInTheCgroupItIsIn) {
  const auto words = restore_arguments(restore()).value();
  EXPECT_THAT(words, IsSupersetOf({"--restore-detached", "--restore-sibling", "--leave-stopped"}));
  EXPECT_EQ(value_of(words, "--manage-cgroups"), "ignore");
  EXPECT_EQ(value_of(words, "--root"), "/stage/root");
  EXPECT_EQ(value_of(words, "--pidfile"), "/state/criu.pid");
}

TEST(Criu, RestoreMapsMountsNamespacesAndDescriptors) {
  RestorePlan plan = restore();
  plan.mounts = {{"/data", "/stage/0"}};
  plan.namespaces = {{"network", 0, 21}, {"pid", 0, 22}, {"ipc", 0, 23}};
  plan.inherit = {{11, "pipe:[77]"}};
  plan.lsm_profile = "apparmor:x";
  plan.lsm_mount_context = "ctx";
  const auto words = restore_arguments(plan).value();
  EXPECT_THAT(values_of(words, "--external"), ElementsAre("mnt[/data]:/stage/0"));
  EXPECT_THAT(values_of(words, "--inherit-fd"),
              ElementsAre("fd[21]:extRootNetNS", "fd[22]:extRootPidNS", "fd[11]:pipe:[77]"));
  EXPECT_EQ(value_of(words, "--join-ns"), "ipc:/proc/self/fd/23");
  EXPECT_EQ(value_of(words, "--lsm-profile"), "apparmor:x");
  EXPECT_EQ(value_of(words, "--lsm-mount-context"), "ctx");
}

TEST(Criu, RestoreRefusesANamespaceThatCannotBeJoined) {
  RestorePlan plan = restore();
  plan.namespaces = {{"cgroup", 0, 21}};
  EXPECT_THAT(restore_arguments(plan).error().text, HasSubstr("cgroup namespace"));
}

TEST(Criu, NoConfigurationFileIsRead) {
  EXPECT_THAT(dump_arguments(dump()).value(), Contains("--no-default-config"));
  EXPECT_THAT(restore_arguments(restore()).value(), Contains("--no-default-config"));
}

TEST(Criu, KeysAreBindsMasksAndDevices) {
  oci::Spec spec;
  spec.mounts = {{"/proc", "proc", "proc", {}, {}, {}, {}}, {"/data/", "bind", "/srv", {"rbind"}, {}, {}, {}}};
  spec.linux.masked_paths = {"/proc/kcore", "/dev/null"};
  spec.linux.devices = {{"/dev/fuse", "c", 10, 229, {}, {}, {}, {}}};
  const auto keys = external_keys(spec);
  EXPECT_THAT(keys, IsSupersetOf({"/data", "/proc/kcore", "/dev/null", "/dev/tty", "/dev/fuse"}));
  EXPECT_THAT(keys, Not(Contains("/proc")));
  EXPECT_EQ(std::count(keys.begin(), keys.end(), "/dev/null"), 1);
}

TEST(Criu, FirstErrorIsTheReason) {
  EXPECT_EQ(first_error("(00.01) fine\n(00.02)     42: Error (criu/files-reg.c:1629): Can't lookup mount=25\n"
                        "(00.03) Error (criu/cr-dump.c:1): Dumping FAILED.\n"),
            "Can't lookup mount=25");
  EXPECT_EQ(first_error("Error (x"), "Error (x");
  EXPECT_EQ(first_error("all is well\n"), "");
}

}  // namespace
}  // namespace nucleus::plan
