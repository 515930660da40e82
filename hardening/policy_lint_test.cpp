#include "hardening/policy_lint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "hardening/policy_lock.hpp"
#include "hardening/shipped_policies.hpp"

namespace nucleus::hardening {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Strings = std::vector<std::string>;

// The default set as an administrator's copy, with one file exchanged.
PolicySource source_with(std::string_view file = "", const std::string& text = "") {
  PolicySource source;
  source.name = "web";
  source.directory = "/etc/nucleus/policies/web/";
  for (std::size_t i = 0; i < kPolicyFiles.size(); ++i) {
    source.input.bytes[i] = kPolicyFiles[i] == file            ? text
                            : kPolicyFiles[i] == "policy.toml" ? "name = \"web\"\n"
                                                               : std::string(*shipped_file("default", kPolicyFiles[i]));
    source.input.shown[i] = source.directory + std::string(kPolicyFiles[i]);
  }
  source.lock = lock_text(source.input.bytes);
  return source;
}

std::vector<LintFinding> findings(const PolicySource& source) {
  const auto policy = decode_policy(source.input, source.name, true);
  EXPECT_TRUE(policy) << policy.error().text;
  return policy ? lint(source, *policy) : std::vector<LintFinding>{};
}

// "rule @ file:line" of each.
Strings found(std::string_view file, const std::string& text) {
  Strings out;
  for (const auto& finding : findings(source_with(file, text))) {
    const auto open = finding.place.find('(');
    out.push_back(finding.rule + " @ " + finding.place.substr(open + 1, finding.place.size() - open - 2));
  }
  return out;
}

std::string rule(std::string_view path, std::string_view access) {
  return "[[rules]]\npath = \"" + std::string(path) + "\"\naccess = [" + std::string(access) + "]\n";
}

TEST(PolicyLint, TheDefaultSetHasNothingToSay) { EXPECT_THAT(findings(source_with()), IsEmpty()); }

TEST(PolicyLint, EveryFindingsRuleIsListed) {
  Strings names;
  for (const auto& entry : lint_rules()) {
    names.emplace_back(entry.name);
  }
  EXPECT_TRUE(std::ranges::is_sorted(names));
  for (const auto set : shipped_sets()) {
    PolicySource source = find_policy_source(std::string(set), {}).value();
    for (const auto& finding : findings(source)) {
      EXPECT_EQ(std::ranges::count(names, finding.rule), 1) << finding.rule;
    }
  }
}

// What the shipped sets have an answer for.
TEST(PolicyLint, ShippedSets) {
  const std::map<std::string_view, Strings> expected = {{"build", {"write-execute"}}};
  for (const auto set : shipped_sets()) {
    Strings rules;
    for (const auto& finding : findings(find_policy_source(std::string(set), {}).value())) {
      if (finding.level == LintLevel::warning) {
        rules.push_back(finding.rule);
      }
    }
    const auto answer = expected.find(set);
    EXPECT_EQ(rules, answer == expected.end() ? Strings{} : answer->second) << set;
  }
}

TEST(PolicyLint, WriteAndExecuteInOneRule) {
  EXPECT_THAT(found("landlock.toml",
                    "min_abi = 3\n" + rule("/", "\"read\", \"execute\"") + rule("/tmp", "\"write\", \"execute\"")),
              ElementsAre("write-execute @ landlock.toml:6"));
  EXPECT_THAT(found("landlock.toml", "min_abi = 3\n" + rule("/work", "\"create\", \"read\", \"execute\"")),
              ElementsAre("write-execute @ landlock.toml:3"));
}

TEST(PolicyLint, RightsAddUpAlongAPath) {
  EXPECT_THAT(
      found("landlock.toml", "min_abi = 3\n" + rule("/usr", "\"read\", \"execute\"") + rule("/usr/tmp", "\"write\"")),
      ElementsAre("write-execute @ landlock.toml:6"));
  EXPECT_THAT(
      found("landlock.toml", "min_abi = 3\n" + rule("/a/b/c", "\"read\", \"execute\"") + rule("/a", "\"write\"")),
      ElementsAre("write-execute @ landlock.toml:3"));
  EXPECT_THAT(
      found("landlock.toml", "min_abi = 3\n" + rule("/usr", "\"read\", \"execute\"") + rule("/usrtmp", "\"write\"")),
      IsEmpty());
  EXPECT_THAT(
      found("landlock.toml", "min_abi = 3\n" + rule("/", "\"write\", \"read\", \"execute\"") + rule("/x", "\"write\"")),
      ElementsAre("write-execute @ landlock.toml:3"))
      << "said once, where it begins";
}

TEST(PolicyLint, Landlock) {
  EXPECT_THAT(found("landlock.toml", "min_abi = 2\n"), ElementsAre("old-landlock @ landlock.toml"));
  EXPECT_THAT(found("landlock.toml", "min_abi = 3\n" + rule("/", "\"read\"")),
              ElementsAre("nothing-runs @ landlock.toml"));
}

TEST(PolicyLint, Capabilities) {
  EXPECT_THAT(found("caps.toml", "[bounding]\nkeep = [\n\"SYS_ADMIN\",\n\"NET_BIND_SERVICE\",\n\"CHOWN\"]\n"),
              ElementsAre("powerful-capability @ caps.toml:3", "needless-capability @ caps.toml:4"));
  EXPECT_THAT(found("caps.toml", "[bounding]\nkeep = [\"SETUID\"]\n"), ElementsAre("useless-capability @ caps.toml:2"));
}

TEST(PolicyLint, Grants) {
  const auto grants = [](const std::string& list) { return found("policy.toml", "grants = [\n" + list + "]\n"); };
  for (const std::string grant :
       {"host-network", "host-pid", "host-ipc", "new-privileges", "seccomp-unconfined", "shared-mounts", "exec:/",
        "bind:/", "bind:/etc", "bind:/run/podman/podman.sock", "writable:/sys", "device:/dev/sda", "device:/dev/mem",
        "device:c *:*", "unmasked:/proc/kcore"}) {
    EXPECT_THAT(grants("\"" + grant + "\""), ElementsAre("broad-grant @ policy.toml:2")) << grant;
  }
  EXPECT_THAT(grants("\"capability:SYS_PTRACE\""), ElementsAre("powerful-capability @ policy.toml:2"));
  EXPECT_THAT(grants("\"exec:/workspace\", \"device:/dev/fuse\", \"bind:/srv\", \"writable:/sys/fs/cgroup\""),
              IsEmpty());
  EXPECT_THAT(found("policy.toml", "pids_limit = 100000\n"), ElementsAre("many-processes @ policy.toml"));
}

TEST(PolicyLint, Egress) {
  const auto allow = [](const std::string& entry) { return found("egress.toml", "allow = [\"" + entry + "\"]\n"); };
  for (const std::string entry : {"0.0.0.0/1:443", "128.0.0.0/2:80", "2000::/3", "169.254.0.0/16:80",
                                  "169.254.169.254:80", "192.0.2.0/24", "example.com"}) {
    EXPECT_THAT(allow(entry), ElementsAre("broad-egress @ egress.toml:1")) << entry;
  }
  EXPECT_THAT(allow("192.0.2.0/24:443"), IsEmpty());
  EXPECT_THAT(allow("*.example.com:443/tcp"), IsEmpty());
  EXPECT_THAT(found("egress.toml", "resolvers = [\"192.0.2.1\"]\ndns = true\nprivate_names = true\n"),
              ElementsAre("broad-egress @ egress.toml", "broad-egress @ egress.toml"));
}

std::string profile(const std::string& rules, const std::string& fallback = "SCMP_ACT_ERRNO") {
  return "{\"defaultAction\": \"" + fallback + "\",\n\"syscalls\": [\n" + rules + "\n]}";
}

TEST(PolicyLint, SystemCalls) {
  const auto allow = [](const std::string& names, const std::string& more = "") {
    return found("seccomp.json", profile("{\"names\": [" + names + "], \"action\": \"SCMP_ACT_ALLOW\"" + more + "}"));
  };
  EXPECT_THAT(allow("\"read\",\n\"bpf\",\n\"userfaultfd\""),
              ElementsAre("dangerous-call @ seccomp.json:4", "dangerous-call @ seccomp.json:5"));
  EXPECT_THAT(allow("\"clone\""), ElementsAre("open-arguments @ seccomp.json:3"));
  EXPECT_THAT(
      allow("\"clone\"", R"(, "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}])"),
      IsEmpty());
  EXPECT_THAT(allow("\"ioctl\""), ElementsAre("open-arguments @ seccomp.json:3", "open-arguments @ seccomp.json:3"));
  EXPECT_THAT(allow("\"socket\"").size(), 4U);
  EXPECT_THAT(allow("\"ptrace\"", R"(, "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}])"),
              ElementsAre("dangerous-call @ seccomp.json:3"));
  EXPECT_THAT(found("seccomp.json", profile("", "SCMP_ACT_ALLOW")),
              ::testing::Contains("default-allow @ seccomp.json:1"));
  EXPECT_THAT(found("seccomp.json", profile(R"({"names": ["bpf"], "action": "SCMP_ACT_KILL_PROCESS"})")), IsEmpty());
}

TEST(PolicyLint, Lock) {
  PolicySource source = source_with();
  source.lock.reset();
  ASSERT_EQ(findings(source).size(), 1U);
  EXPECT_EQ(findings(source)[0].level, LintLevel::note);
  source.lock = lock_text(source.input.bytes);
  source.input.bytes[0] += "\n";
  ASSERT_EQ(findings(source).size(), 1U);
  EXPECT_EQ(findings(source)[0].level, LintLevel::warning);
  EXPECT_THAT(findings(source)[0].text, HasSubstr("caps.toml: its digest is"));
}

}  // namespace
}  // namespace nucleus::hardening
