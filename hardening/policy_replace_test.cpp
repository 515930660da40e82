#include "hardening/policy_replace.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "hardening/policy_set.hpp"
#include "hardening/shipped_policies.hpp"
#include "hardening/test_support.hpp"

namespace nucleus::hardening {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using Annotations = std::map<std::string, std::string>;

class PolicyReplace : public ::testing::Test {
 protected:
  PolicyReplace() {
    std::string name = (fs::temp_directory_path() / "nucleus-replace-XXXXXX").string();
    dir_ = ::mkdtemp(name.data());
    ::umask(022);
    host_.policy_dirs = {dir_.string()};
    host_.annotations_may_grant = true;
  }
  ~PolicyReplace() override { fs::remove_all(dir_); }

  [[nodiscard]] std::string put(const std::string& name, std::string_view text) const {
    const fs::path path = dir_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }
  [[nodiscard]] static std::string pinned(const std::string& path, std::string_view text) {
    return path + "@sha256:" + to_hex(sha256(text));
  }
  [[nodiscard]] Result<Policy> load(const std::vector<std::string>& options, const Annotations& annotations = {},
                                    Mode mode = Mode::strict_agent, const std::string& set = "default") const {
    TRY_ASSIGN(const auto files, select_policy_files(host_, options, annotations, mode));
    return load_policy_with(set, host_.policy_dirs, files, mode);
  }
  [[nodiscard]] std::string error(const std::vector<std::string>& options, const Annotations& annotations = {},
                                  Mode mode = Mode::strict_agent, const std::string& set = "default") const {
    const auto policy = load(options, annotations, mode, set);
    return policy ? "" : policy.error().text;
  }

  static constexpr std::string_view kCaps = "[bounding]\nkeep = [\"CHOWN\"]\n";
  fs::path dir_;
  HostConfig host_;
};

TEST_F(PolicyReplace, EachKindReplacesItsFile) {
  const std::string caps = put("caps", kCaps);
  const std::string egress = put("egress", "allow = [\"192.0.2.7:443\"]\n");
  const std::string landlock = put("landlock", "[[rules]]\npath = \"/\"\naccess = [\"read\", \"execute\"]\n");
  const std::string seccomp = put("seccomp", R"({"defaultAction": "SCMP_ACT_KILL_PROCESS"})");
  const auto policy =
      load({"caps=" + caps, "egress=" + egress, "landlock=" + landlock, "seccomp=" + seccomp}, {}, Mode::agent);
  ASSERT_TRUE(policy) << policy.error().text;
  EXPECT_EQ(policy->keep_bounding, std::vector<std::string>{"CAP_CHOWN"});
  EXPECT_EQ(policy->places.at("bounding CAP_CHOWN"), "file " + caps + " (caps:2)");
  EXPECT_EQ(policy->egress.allow.at(0).origin, "file " + egress + " (egress:1)");
  EXPECT_EQ(policy->landlock.rules.at(0).origin, "file " + landlock + " (landlock:2)");
  EXPECT_EQ(policy->seccomp.default_action, "SCMP_ACT_KILL_PROCESS");
  EXPECT_TRUE(policy->external);
  EXPECT_FALSE(policy->pinned);
  EXPECT_NE(policy->digest, load_policy("default", {})->digest) << "the digest is that of what is in force";
}

TEST_F(PolicyReplace, StrictModesWantThePin) {
  const std::string caps = put("caps", kCaps);
  EXPECT_THAT(error({"caps=" + caps}), HasSubstr("--policy-file caps: must be pinned"));
  const auto policy = load({"caps=" + pinned(caps, kCaps)});
  ASSERT_TRUE(policy) << policy.error().text;
  EXPECT_TRUE(policy->pinned);
  EXPECT_TRUE(harden(test::plain_spec(), *policy, test::root_facts(), Mode::strict_agent));
}

TEST_F(PolicyReplace, AWrongPinFailsInEveryMode) {
  const std::string caps = put("caps", kCaps);
  for (const Mode mode : {Mode::passthrough, Mode::agent, Mode::strict_agent, Mode::production}) {
    EXPECT_THAT(error({"caps=" + pinned(caps, "other")}, {}, mode), HasSubstr(caps + ": SHA-256 is"));
    EXPECT_FALSE(load({"caps=" + caps + "@sha256:zz"}, {}, mode));
  }
}

TEST_F(PolicyReplace, ThePinnedFileDoesNotPinTheSet) {
  for (const auto file : kPolicyFiles) {
    (void)put("mine/" + std::string(file), file == "policy.toml" ? "pids_limit = 9\n" : *shipped_file("default", file));
  }
  const std::string caps = pinned(put("caps", kCaps), kCaps);
  EXPECT_THAT(error({"caps=" + caps}, {}, Mode::strict_agent, "mine"), HasSubstr("policy set \"mine\" is not pinned"));
  const std::string pin = "mine@sha256:" + load_policy("mine", host_.policy_dirs)->digest;
  const auto policy = load({"caps=" + caps}, {}, Mode::strict_agent, pin);
  ASSERT_TRUE(policy) << policy.error().text;
  EXPECT_TRUE(policy->pinned);
  EXPECT_EQ(policy->pids_limit, 9);
  EXPECT_FALSE(load({"caps=" + put("caps", kCaps)}, {}, Mode::agent, pin)->pinned);
}

TEST_F(PolicyReplace, Annotations) {
  const std::string caps = pinned(put("caps", kCaps), kCaps);
  EXPECT_EQ(load({}, {{"io.nucleus.caps", caps}})->keep_bounding.size(), 1U);
  EXPECT_THAT(error({}, {{"io.nucleus.caps", put("caps", kCaps)}}, Mode::agent), HasSubstr("must be pinned"));
  host_.annotations_may_grant = false;
  for (const Mode mode : {Mode::agent, Mode::strict_agent}) {
    EXPECT_THAT(error({}, {{"io.nucleus.caps", caps}}, mode), HasSubstr("annotations_may_grant"));
  }
  EXPECT_TRUE(load({}, {{"io.nucleus.caps", caps}}, Mode::passthrough)->keep_bounding.empty());
}

// An image's files lie in the engine's storage, owned by root, and its author knows where and what they hold.
TEST_F(PolicyReplace, AnnotationsReachOnlyTheHostsPolicies) {
  const std::string evil = pinned(put("storage/evil", kCaps), kCaps);
  host_.policy_dirs = {(dir_ / "policies").string()};
  const std::string beside = pinned(put("policies-of-others/caps", kCaps), kCaps);
  const std::string through = (dir_ / "policies/../storage/evil").string() + "@sha256:" + to_hex(sha256(kCaps));
  for (const auto& path : {evil, beside}) {
    EXPECT_THAT(error({}, {{"io.nucleus.caps", path}}), HasSubstr("is not below"));
    EXPECT_TRUE(load({"caps=" + path})) << "the command line may";
  }
  EXPECT_THAT(error({}, {{"io.nucleus.caps", through}}), HasSubstr("expected an absolute path"));
}

TEST_F(PolicyReplace, TheCommandLineComesFirst) {
  const std::string none = "[bounding]\nkeep = []\n";
  const auto policy =
      load({"caps=" + pinned(put("none", none), none)}, {{"io.nucleus.caps", pinned(put("caps", kCaps), kCaps)}});
  EXPECT_TRUE(policy->keep_bounding.empty());
}

TEST_F(PolicyReplace, BadRequests) {
  const std::string caps = put("caps", kCaps);
  for (const auto& text : std::vector<std::string>{"", "caps", "policy=" + caps, "caps.toml=" + caps}) {
    EXPECT_THAT(error({text}, {}, Mode::agent), HasSubstr("--policy-file: expected caps, egress")) << text;
  }
  for (const std::string path : {"", "relative", "/a/../b", "/a//b", "/a/."}) {
    EXPECT_THAT(error({"caps=" + path}, {}, Mode::agent), HasSubstr("expected an absolute path")) << path;
  }
  EXPECT_THAT(error({"caps=" + caps, "caps=" + caps}, {}, Mode::agent), HasSubstr("given twice"));
  EXPECT_THAT(error({"caps=" + caps + "x"}, {}, Mode::agent), HasSubstr("does not exist"));
  EXPECT_THAT(error({"caps=" + put("bad", "[bounding]\nkeep = [\"X\"]\n")}, {}, Mode::agent), HasSubstr("/bad:2:9: "));
  ::chmod(caps.c_str(), 0666);
  EXPECT_THAT(error({"caps=" + caps}, {}, Mode::agent), HasSubstr("can be written by its group"));
}

}  // namespace
}  // namespace nucleus::hardening
