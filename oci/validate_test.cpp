#include "oci/validate.hpp"

#include <gtest/gtest.h>

#include <set>

#include "oci/document.hpp"
#include "oci/spec_generator.hpp"
#include "oci/test_files.hpp"

namespace nucleus::oci {
namespace {

Process process_of(std::vector<std::string> args, std::vector<std::string> env = {}, std::string cwd = "/") {
  Process process;
  process.args = std::move(args);
  process.env = std::move(env);
  process.cwd = std::move(cwd);
  return process;
}

TEST(Validate, AcceptsWhatEnginesWrite) {
  for (const char* name : testing::kFixtures) {
    const auto spec = parse_spec(testing::read_fixture(name), name);
    ASSERT_TRUE(spec) << spec.error().text;
    const Status status = validate(*spec);
    EXPECT_TRUE(status) << name << ": " << status.error().text;
  }
}

// What docker and containerd write for "not set", and spellings that are unusual but right.
TEST(Validate, AcceptsTheUnusual) {
  const auto spec = parse_spec(R"({
    "ociVersion": "1.2.0-rc.1+dev", "hostname": "0123456789012345678901234567890123456789012345678901234567890123",
    "process": {"args": ["x"], "cwd": "/a/../b", "env": ["NOVALUE", "A==", "B="], "user": {"umask": 511},
                "scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 2}},
    "root": {"path": "../r"},
    "mounts": [{"destination": "/a..b", "type": "tmpfs", "options": ["context=\"u:r:t:s0:c1,c2\"", "vendor"]},
               {"destination": "/...", "source": "rel/../src", "options": ["rbind", "rro", "rslave", "sync"]},
               {"destination": "/m", "source": "/s", "type": "none", "options": ["bind", "idmap"]}],
    "linux": {"namespaces": [{"type": "user"}, {"type": "time"}],
              "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}, {"containerID": 1, "hostID": 0, "size": 1000}],
              "gidMappings": [{"containerID": 0, "hostID": 0, "size": 4294967295}],
              "timeOffsets": {"monotonic": {"secs": -5}},
              "cgroupsPath": "machine.slice:libpod:a..b", "rootfsPropagation": "rslave",
              "sysctl": {"net/ipv4/conf/eth0.100/forwarding": "1", "kernel.shm_rmid_forced": "0"},
              "devices": [{"path": "/dev/p", "type": "p"}],
              "resources": {"blockIO": {"weight": 0}, "memory": {"limit": 0, "swap": -1}, "cpu": {"cpus": "0-3,7", "quota": -1},
                            "pids": {"limit": 0}, "devices": [{"allow": false, "major": -1}],
                            "unified": {"memory.high": "1"}}}})",
                               "config.json");
  ASSERT_TRUE(spec) << spec.error().text;
  const Status status = validate(*spec);
  EXPECT_TRUE(status) << status.error().text;
}

TEST(Validate, ProcessFileHasItsOwnChecks) {
  auto process = parse_process(R"({"args":["a"],"cwd":"/"})", "p");
  ASSERT_TRUE(process);
  EXPECT_TRUE(validate(*process));
  process->cwd = "rel";
  EXPECT_EQ(validate(*process).error().text, "process.cwd: must be an absolute path, got \"rel\"");
}

// A value made on the command line did not pass the gate.
TEST(Validate, NulFromElsewhereIsRefused) {
  const std::string nul("a\0b", 3);
  EXPECT_TRUE(validate(process_of({"a"})));
  EXPECT_FALSE(validate(process_of({nul})));
  EXPECT_FALSE(validate(process_of({"a"}, {nul})));
  EXPECT_FALSE(validate(process_of({"a"}, {}, "/" + nul)));
}

TEST(Validate, SecretsStayOutOfErrors) {
  for (const Process& process : {process_of({"a", std::string("hunter2\0", 8)}), process_of({"a"}, {"=hunter2"})}) {
    const Status status = validate(process);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().text.find("hunter2"), std::string::npos);
  }
}

TEST(Validate, PartsOnTheirOwn) {
  EXPECT_TRUE(validate(Resources{}));
  EXPECT_TRUE(validate(*parse_resources(R"({"pids":{"limit":5}})", "r")));
  EXPECT_FALSE(validate(*parse_resources(R"({"pids":{"limit":-5}})", "r")));
  EXPECT_TRUE(validate(*parse_seccomp(R"({"defaultAction":"SCMP_ACT_ALLOW"})", "s")));
  EXPECT_FALSE(validate(Seccomp{}));
}

// mount(2): the data argument of a bind mount is ignored. Configs that share a list of options between mounts rely on it.
TEST(Validate, DataOfABindMountIsIgnored) {
  Spec spec;
  Mount& mount = spec.mounts.emplace_back();
  mount.destination = "/a";
  mount.type = "bind";
  mount.source = "/s";
  mount.options = {"ro", "mode=755", "size=1k"};
  for (const Check& check : spec_checks()) {
    if (check.name.find("mount") != std::string_view::npos) {
      EXPECT_TRUE(check.run(spec)) << check.name;
    }
  }
}

TEST(Validate, ChecksHaveNamesAndSources) {
  std::set<std::string_view> names;
  for (const Check& check : spec_checks()) {
    EXPECT_TRUE(names.insert(check.name).second) << check.name;
    EXPECT_NE(check.source.find(".md#"), std::string_view::npos) << check.name;
  }
}

TEST(Validate, SurvivesAnySpec) {
  testing::Generator random(5);
  for (int i = 0; i < 2000; ++i) {
    Spec spec;
    random.fill(spec);
    for (const Check& check : spec_checks()) {
      const Status status = check.run(spec);
      if (!status) {
        EXPECT_EQ(status.error().code, ErrorCode::invalid_config);
        EXPECT_EQ(status.error().text.find('\n'), std::string::npos) << status.error().text;
      }
    }
  }
}

}  // namespace
}  // namespace nucleus::oci
