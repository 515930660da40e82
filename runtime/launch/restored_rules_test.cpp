#include "runtime/launch/restored_rules.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>

namespace nucleus::launch {
namespace {

constexpr const char* kFilter = "the planned filter";

oci::Spec spec() {
  oci::Spec out;
  out.process.emplace();
  out.process->no_new_privileges = true;
  out.process->user.uid = 1000;
  out.process->user.gid = 1001;
  out.process->capabilities.emplace();
  out.process->capabilities->bounding = {"CAP_KILL"};
  out.linux.seccomp.emplace();
  out.linux.namespaces = {{"pid", "", {}}, {"mount", "", {}}, {"network", "/run/netns/x", {}}};
  return out;
}

const NamespaceIds kOwn = {{"pid", "host pid"}, {"mount", "host mount"}, {"network", "host net"}, {"user", "host"}};

ThreadRules rules(const oci::Spec& of) { return thread_rules(of, kFilter, kOwn, {{"network", "joined net"}}); }

// As criu leaves it from an honest image.
ThreadTruth honest() {
  ThreadTruth out;
  out.name = "process 1, thread 2";
  out.status = {{"CapBnd", "0000000000000020"},
                {"CapPrm", "0"},
                {"CapEff", "0"},
                {"CapInh", "0"},
                {"CapAmb", "0"},
                {"NoNewPrivs", "1"},
                {"Seccomp", "2"},
                {"Uid", "1000\t1000\t1000\t1000"},
                {"Gid", "1001\t1001\t1001\t1001"}};
  out.namespaces = {{"pid", "p"}, {"mount", "m"}, {"network", "joined net"}, {"user", "host"}};
  out.filters = {"another", kFilter};
  return out;
}

std::string verdict(const ThreadRules& by, const ThreadTruth& thread) {
  const Status judged = judge_thread(by, thread);
  return judged ? "fine" : judged.error().text;
}

bool complains(const std::string& text, const std::string& about) {
  return text.find("less confined") != std::string::npos && text.find(about) != std::string::npos;
}

TEST(Restored, AnHonestThreadIsFine) { EXPECT_EQ(verdict(rules(spec()), honest()), "fine"); }

TEST(Restored, EveryFieldThatIsWiderIsNamed) {
  const std::pair<const char*, const char*> wider[] = {{"CapBnd", "0000000000200020"},
                                                       {"CapPrm", "1"},
                                                       {"CapEff", "1"},
                                                       {"CapInh", "1"},
                                                       {"CapAmb", "1"},
                                                       {"CapBnd", "junk"},
                                                       {"NoNewPrivs", "0"},
                                                       {"Seccomp", "0"},
                                                       {"Uid", "1000\t0\t1000\t1000"},
                                                       {"Gid", "0\t0\t0\t0"}};
  for (const auto& [key, value] : wider) {
    ThreadTruth thread = honest();
    thread.status[key] = value;
    EXPECT_TRUE(complains(verdict(rules(spec()), thread), key)) << key;
    thread.status.erase(key);
    EXPECT_TRUE(complains(verdict(rules(spec()), thread), key)) << key << " is not reported";
  }
}

TEST(Restored, ThePlannedFilterMustBeAmongThem) {
  ThreadTruth thread = honest();
  thread.filters = {"another"};
  EXPECT_TRUE(complains(verdict(rules(spec()), thread), "seccomp"));
  thread.filters = std::nullopt;  // not readable: the mode has to do
  EXPECT_EQ(verdict(rules(spec()), thread), "fine");
}

TEST(Restored, NamespacesAreTheContainers) {
  for (const auto& [type, identity] :
       {std::pair{"pid", "host pid"}, {"mount", "host mount"}, {"network", "elsewhere"}}) {
    ThreadTruth thread = honest();
    thread.namespaces[type] = identity;
    EXPECT_TRUE(complains(verdict(rules(spec()), thread), type));
    thread.namespaces.erase(type);
    EXPECT_TRUE(complains(verdict(rules(spec()), thread), type));
  }
}

TEST(Restored, WhereCriuRanIsNoPlaceForAContainer) {
  ThreadRules by = rules(spec());
  by.forbidden.push_back({{"mount", "m"}});
  EXPECT_TRUE(complains(verdict(by, honest()), "mount"));
}

TEST(Restored, IdsMayHaveChangedWhereTheConfigLetsThem) {
  oci::Spec of = spec();
  of.process->capabilities->bounding = {"CAP_SETUID", "CAP_SETGID"};
  ThreadTruth thread = honest();
  thread.status["CapBnd"] = "0";
  thread.status["Uid"] = "5\t5\t5\t5";
  thread.status["Gid"] = "5\t5\t5\t5";
  EXPECT_TRUE(complains(verdict(rules(of), thread), "Uid")) << "no_new_privs: the bounding set alone gives nothing";
  of.process->capabilities->permitted = of.process->capabilities->bounding;
  EXPECT_EQ(verdict(rules(of), thread), "fine");
}

TEST(Restored, UserNamespacesMapAsTheConfigSays) {
  oci::Spec of = spec();
  of.linux.namespaces.push_back({"user", "", {}});
  of.linux.uid_mappings = of.linux.gid_mappings = {{0, 100000, 65536, {}}};
  ThreadTruth thread = honest();
  thread.namespaces["user"] = "own";
  thread.status["Uid"] = "101000\t101000\t101000\t101000";
  thread.status["Gid"] = "101001\t101001\t101001\t101001";
  thread.id_maps = {{"uid_map", "0 100000 65536\n"}, {"gid_map", "0 100000 65536\n"}};
  EXPECT_EQ(verdict(rules(of), thread), "fine");
  thread.id_maps["uid_map"] = "0 0 65536\n";
  EXPECT_TRUE(complains(verdict(rules(of), thread), "uid_map"));
  thread.id_maps["uid_map"] = "0 100000 65536\n";
  thread.namespaces["user"] = "host";
  EXPECT_TRUE(complains(verdict(rules(of), thread), "user"));
}

TEST(Restored, NoRealTimePolicyUnasked) {
  ThreadTruth thread = honest();
  thread.policy = SCHED_FIFO;
  EXPECT_TRUE(complains(verdict(rules(spec()), thread), "real-time"));
  oci::Spec of = spec();
  of.process->scheduler.emplace();
  EXPECT_EQ(verdict(rules(of), thread), "fine");
}

TEST(Restored, OnlyMountsOfTheConfig) {
  oci::Spec of;
  of.mounts = {{"/proc", "proc", "proc", {}, {}, {}, {}},
               {"/dev", "tmpfs", "tmpfs", {}, {}, {}, {}},
               {"/var/run/x", "bind", "/x", {"bind"}, {}, {}, {}},
               {"/sys/fs/cgroup", "cgroup", "cgroup", {}, {}, {}, {}}};
  of.linux.masked_paths = {"/proc/kcore"};
  KernelTruth truth;
  truth.mounts = {{"/", "overlay", "rw", 1},
                  {"/proc", "proc", "rw", 2},
                  {"/dev", "tmpfs", "rw", 3},
                  {"/run/x", "ext4", "rw", 4},
                  {"/proc/kcore", "tmpfs", "rw", 5},
                  {"/sys/fs/cgroup", "tmpfs", "ro", 6},
                  {"/sys/fs/cgroup/memory", "cgroup", "ro", 7}};
  truth.paths["/var/run/x"] = {4, true};
  EXPECT_TRUE(judge_mounts(of, truth));
  for (const MountEntry& extra :
       {MountEntry{"/mnt", "devtmpfs", "rw", 8}, MountEntry{"/sys/fs/cgroup/x", "ext4", "rw", 9},
        MountEntry{"/dev", "devtmpfs", "rw", 10}}) {
    KernelTruth more = truth;
    more.mounts.push_back(extra);
    EXPECT_FALSE(judge_mounts(of, more)) << extra.target;
  }
}

}  // namespace
}  // namespace nucleus::launch
