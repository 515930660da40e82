#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "hardening/policy_source.hpp"
#include "hardening/seccomp_table.hpp"
#include "hardening/shipped_policies.hpp"
#include "hardening/test_support.hpp"
#include "runtime/base/io.hpp"

namespace nucleus::hardening {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class PolicyFiles : public ::testing::Test {
 protected:
  PolicyFiles() {
    std::string name = (fs::temp_directory_path() / "nucleus-policy-XXXXXX").string();
    dir_ = ::mkdtemp(name.data());
    ::umask(022);
    fs::create_directory(set());
    for (const auto* const file : {"policy.toml", "caps.toml", "egress.toml", "landlock.toml", "seccomp.json"}) {
      put(file, *shipped_file("default", file));
    }
    put("policy.toml", "name = \"web\"\n");
  }
  ~PolicyFiles() override { fs::remove_all(dir_); }

  [[nodiscard]] fs::path set() const { return dir_ / "web"; }
  void put(const std::string& file, std::string_view text) const { std::ofstream(set() / file) << text; }
  [[nodiscard]] Result<Policy> load(const std::string& name = "web") const {
    return load_policy(name, {(dir_ / "absent").string(), dir_.string()});
  }
  [[nodiscard]] std::string error(const std::string& name = "web") const {
    const auto policy = load(name);
    if (policy) {
      return "";
    }
    // Engines map these phrases to exit codes 126 and 127.
    EXPECT_THAT(policy.error().text, Not(HasSubstr("o such file")));
    EXPECT_THAT(policy.error().text, Not(HasSubstr("ermission denied")));
    return policy.error().text;
  }

  fs::path dir_;
};

TEST(ShippedPolicy, DefaultKeepsNothing) {
  const auto policy = load_policy("default", {});
  ASSERT_TRUE(policy) << policy.error().text;
  EXPECT_EQ(policy->name, "default");
  EXPECT_TRUE(policy->keep_bounding.empty() && policy->keep_ambient.empty() && policy->grants.empty());
  EXPECT_EQ(policy->pids_limit, 512);
  EXPECT_EQ(policy->landlock.min_abi, 3);
  EXPECT_EQ(policy->digest.size(), 64U);
  EXPECT_FALSE(policy->external);
  EXPECT_FALSE(load_policy("nonesuch", {}));
}

TEST(ShippedPolicy, BuildIsWiderThanDefaultButNoMore) {
  const auto policy = load_policy("build", {});
  ASSERT_TRUE(policy) << policy.error().text;
  EXPECT_THAT(policy->keep_bounding,
              ::testing::UnorderedElementsAre("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETGID",
                                              "CAP_SETUID", "CAP_SETFCAP"));
  EXPECT_TRUE(policy->keep_ambient.empty() && policy->grants.empty());
  ASSERT_EQ(policy->landlock.rules.size(), 2U);
  EXPECT_EQ(policy->landlock.rules[0].path, "/");
  EXPECT_EQ(policy->landlock.rules[0].access & static_cast<AccessSet>(Access::ioctl), 0);
}

// What decode_policy() does not look up for them at every start.
TEST(ShippedPolicy, EverySetLoadsAndKnowsItsSystemCalls) {
  for (const auto set : shipped_sets()) {
    const auto policy = load_policy(std::string(set), {});
    ASSERT_TRUE(policy) << policy.error().text;
    const auto table = make_table(policy->seccomp);
    ASSERT_TRUE(table) << table.error().text;
    EXPECT_THAT(table->unknown_names, ::testing::IsEmpty());
  }
}

TEST_F(PolicyFiles, DirectoryByNameAndByPath) {
  put("policy.toml", "grants = [\n  \"host-pid\",\n  \"capability:CHOWN\"]\nmode_floor = \"strict-agent\"\n");
  const auto policy = load();
  ASSERT_TRUE(policy) << policy.error().text;
  EXPECT_TRUE(policy->external);
  EXPECT_EQ(policy->floor, Mode::strict_agent);
  ASSERT_EQ(policy->grants.size(), 2U);
  EXPECT_EQ(policy->grants[0].origin, "policy web (policy.toml:2)");
  EXPECT_EQ(policy->grants[1].origin, "policy web (policy.toml:3)");
  EXPECT_EQ(load(set().string() + "/")->digest, policy->digest);
  EXPECT_FALSE(load_policy("web", {})->external) << "the shipped one";
}

TEST_F(PolicyFiles, AdministratorsSetWinsOverTheShippedOne) {
  fs::rename(set(), dir_ / "default");
  std::ofstream(dir_ / "default/policy.toml") << "pids_limit = 7\n";
  EXPECT_EQ(load("default")->pids_limit, 7);
}

TEST_F(PolicyFiles, AnInstalledCopyOfAShippedSetIsThatSet) {
  fs::rename(set(), dir_ / "default");
  const fs::path copied = dir_ / "default/policy.toml";
  std::ofstream(copied) << *shipped_file("default", "policy.toml");
  EXPECT_FALSE(load("default")->external);
  EXPECT_EQ(load("default")->digest, load_policy("default", {})->digest);
  std::ofstream(copied, std::ios::app) << "# changed\n";
  EXPECT_TRUE(load("default")->external);
  fs::remove(dir_ / "default/caps.toml");
  EXPECT_THAT(error("default"), HasSubstr("missing"));
}

TEST_F(PolicyFiles, PinsMustMatchEveryByte) {
  const std::string pin = "web@sha256:" + load()->digest;
  EXPECT_TRUE(load(pin)->pinned);
  put("policy.toml", "name = \"web\" \n");
  EXPECT_THAT(error(pin), HasSubstr("its digest is sha256:"));
  EXPECT_FALSE(load("web@sha256:zz"));
}

TEST_F(PolicyFiles, UnpinnedExternalSetsAreNotForStrictModes) {
  const auto policy = load();
  EXPECT_FALSE(harden(test::plain_spec(), *policy, test::root_facts(), Mode::strict_agent));
  EXPECT_TRUE(harden(test::plain_spec(), *policy, test::root_facts(), Mode::agent));
  const auto pinned = load("web@sha256:" + policy->digest);
  EXPECT_TRUE(harden(test::plain_spec(), *pinned, test::root_facts(), Mode::strict_agent));
}

TEST_F(PolicyFiles, ErrorsNameTheFileByItsPath) {
  put("caps.toml", "[boundign]\nkeep = []\n");
  EXPECT_EQ(error(), (set() / "caps.toml").string() + ":1:2: unknown key \"boundign\"");
}

TEST_F(PolicyFiles, ALockMustMatchEveryFileAndSoMustThePin) {
  const std::string pin = "web@sha256:" + load()->digest;
  PolicyBytes bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = read_file(AT_FDCWD, (set() / kPolicyFiles[i]).string(), 1U << 20U).value();
  }
  put("policy.lock", lock_text(bytes));
  EXPECT_TRUE(load(pin)->pinned) << "the digest is the lock's";
  put("caps.toml", bytes[0] + "# changed\n");
  EXPECT_THAT(error(), HasSubstr("caps.toml: its digest is sha256:"));
  EXPECT_THAT(error(pin), HasSubstr("/policy.lock:1)"));
  put("caps.toml", bytes[0]);
  EXPECT_TRUE(load());
  put("policy.lock", lock_text(bytes) + "\n");
  EXPECT_THAT(error(), HasSubstr("/policy.lock:6:1: more than the files of a set"));
  put("policy.lock", lock_text(bytes));
  ::chmod((set() / "policy.lock").c_str(), 0666);
  EXPECT_THAT(error(), HasSubstr("policy.lock: can be written by its group"));
}

TEST_F(PolicyFiles, NamesOfSets) {
  fs::create_directory(dir_ / ".hidden");
  std::ofstream(dir_ / "file") << "";
  const auto names = policy_set_names({(dir_ / "absent").string(), dir_.string()});
  ASSERT_TRUE(names) << names.error().text;
  EXPECT_THAT(*names, ::testing::IsSupersetOf({"web", "default", "build"}));
  EXPECT_THAT(*names, Not(::testing::Contains("file")));
  EXPECT_THAT(*names, Not(::testing::Contains(".hidden")));
  ::chmod(dir_.c_str(), 0777);
  EXPECT_FALSE(policy_set_names({dir_.string()}));
}

TEST_F(PolicyFiles, MissingFile) {
  fs::remove(set() / "caps.toml");
  EXPECT_THAT(error(), HasSubstr("caps.toml: missing"));
}

TEST_F(PolicyFiles, WritableByOthersIsNotTrusted) {
  ::chmod((set() / "caps.toml").c_str(), 0664);
  EXPECT_THAT(error(), HasSubstr("caps.toml: can be written by its group"));
  ::chmod((set() / "caps.toml").c_str(), 0644);
  ::chmod(set().c_str(), 0777);
  EXPECT_THAT(error(), HasSubstr("can be written by its group"));
}

TEST_F(PolicyFiles, SomebodyElsesFileIsNotTrusted) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give files away";
  }
  ASSERT_EQ(::chown((set() / "caps.toml").c_str(), 12345, 0), 0);
  EXPECT_THAT(error(), HasSubstr("is owned by user 12345"));
}

TEST_F(PolicyFiles, OnlyRegularFilesOfAReasonableSize) {
  fs::remove(set() / "caps.toml");
  ASSERT_EQ(::mkfifo((set() / "caps.toml").c_str(), 0600), 0);
  EXPECT_THAT(error(), HasSubstr("is not a regular file")) << "and it does not block";
  fs::remove(set() / "caps.toml");
  put("caps.toml", std::string(5 * 1024 * 1024, '#'));
  EXPECT_FALSE(load());
}

TEST_F(PolicyFiles, NamesDoNotLeaveTheDirectory) {
  for (const auto* const name : {"..", ".", "", ".web", "we b"}) {
    EXPECT_FALSE(load(name)) << name;
  }
}

class HostConfigFile : public PolicyFiles {
 protected:
  [[nodiscard]] Result<HostConfig> config(std::string_view text) const {
    put("nucleus.toml", text);
    return load_host_config((set() / "nucleus.toml").string());
  }
  [[nodiscard]] std::string config_error(std::string_view text) const {
    const auto loaded = config(text);
    return loaded ? "" : loaded.error().text;
  }
};

TEST_F(HostConfigFile, AbsentMeansDefaults) {
  const auto loaded = load_host_config((dir_ / "nothing.toml").string());
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->mode, Mode::agent);
  EXPECT_FALSE(loaded->annotations_may_grant);
  EXPECT_EQ(config("")->policy, "default");
}

TEST_F(HostConfigFile, EveryKey) {
  const auto loaded = config(
      "mode = \"production\"\nmode_floor = \"strict-agent\"\nannotations_may_grant = true\npolicy = \"web\"\n"
      "policy_dirs = [\"/a\", \"/b\"]\n");
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->mode, Mode::production);
  EXPECT_EQ(loaded->mode_floor, Mode::strict_agent);
  EXPECT_TRUE(loaded->annotations_may_grant);
  EXPECT_EQ(loaded->policy, "web");
  EXPECT_EQ(loaded->policy_dirs, (std::vector<std::string>{"/a", "/b"}));
}

TEST_F(HostConfigFile, Broken) {
  EXPECT_THAT(config_error("modes = 1"), HasSubstr("nucleus.toml:1:1: unknown key \"modes\""));
  EXPECT_THAT(config_error("mode = \"x\""), HasSubstr("nucleus.toml:1:8: mode: unknown mode \"x\""));
  EXPECT_THAT(config_error("mode = \"passthrough\""), HasSubstr("below mode_floor agent"));
  EXPECT_EQ(config_error("mode = \"passthrough\"\nmode_floor = \"passthrough\""), "");
  EXPECT_THAT(config_error("annotations_may_grant = \"no\""), HasSubstr("expected boolean, got string"));
  EXPECT_THAT(config_error("policy = \"\""), HasSubstr("must not be empty"));
  EXPECT_THAT(config_error("policy_dirs = [\"x\"]"), HasSubstr("must be absolute"));
}

TEST_F(HostConfigFile, Profiles) {
  const auto loaded = config(
      "mode = \"strict-agent\"\n\n[[profile]]\nname = \"build\"\nid = \"buildah-buildah*\"\nbundle_below = "
      "\"/var/tmp/\"\n"
      "policy = \"build\"\nmode = \"agent\"\n[[profile]]\nname = \"x\"\nid = \"x\"\nbundle_below = \"/x\"\npolicy = "
      "\"x\"\n");
  ASSERT_TRUE(loaded) << loaded.error().text;
  ASSERT_EQ(loaded->profiles.size(), 2U);
  const std::string place = (set() / "nucleus.toml").string() + ":3:1";
  EXPECT_EQ(loaded->profiles[0], (Profile{"build", "buildah-buildah*", "/var/tmp", "build", Mode::agent, place}));
  EXPECT_EQ(loaded->profiles[1].mode, std::nullopt);
}

// One good profile, with one line exchanged.
TEST_F(HostConfigFile, BrokenProfiles) {
  const auto error = [this](const std::string& key, const std::string& line) {
    std::string text = "[[profile]]\n";
    for (const auto* const good : {"name = \"build\"", "id = \"b*\"", "bundle_below = \"/t\"", "policy = \"build\""}) {
      text += (std::string(good).starts_with(key + " ") ? line : good) + "\n";
    }
    return config_error(text);
  };
  EXPECT_EQ(error("none", ""), "");
  for (const std::string key : {"name", "id", "bundle_below", "policy"}) {
    EXPECT_THAT(error(key, ""), HasSubstr("nucleus.toml:1:1: profile: " + key + " must be given"));
    EXPECT_THAT(error(key, key + " = \"\""), HasSubstr("must not be empty"));
    EXPECT_THAT(error(key, key + " = 1"), HasSubstr(key + ": expected string"));
  }
  for (const auto* const id : {"*", "*b", "b**", "b*c"}) {
    EXPECT_THAT(error("id", "id = \"" + std::string(id) + "\""), HasSubstr("profile: id: expected an id"));
  }
  for (const auto* const path : {"/", "var", "/var/..", "//"}) {
    EXPECT_THAT(error("bundle_below", "bundle_below = \"" + std::string(path) + "\""), HasSubstr("other than /"));
  }
  EXPECT_THAT(error("policy", "policy = \"b\"\nannotations = true"), HasSubstr("unknown key \"annotations\""));
  EXPECT_THAT(error("policy", "policy = \"b\"\nmode = \"passthrough\""),
              HasSubstr("below mode_floor agent (agent unless"));
  EXPECT_THAT(error("policy", "policy = \"b\"\nmode = \"x\""), HasSubstr("mode: unknown mode"));
  const std::string twice = "[[profile]]\nname = \"a\"\nid = \"b\"\nbundle_below = \"/t\"\npolicy = \"c\"\n";
  EXPECT_THAT(config_error(twice + twice), HasSubstr("nucleus.toml:6:1: profile: name \"a\" is taken"));
}

TEST_F(HostConfigFile, MustBeTrustworthy) {
  ASSERT_TRUE(config(""));
  ::chmod((set() / "nucleus.toml").c_str(), 0666);
  EXPECT_THAT(load_host_config((set() / "nucleus.toml").string()).error().text, HasSubstr("can be written by"));
}

}  // namespace
}  // namespace nucleus::hardening
