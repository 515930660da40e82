// Broken policy files: each is refused with the place, whatever else is right. Positions are file:line:column; what is only
// wrong in meaning inside of a JSON document has its path there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardening/policy_set.hpp"
#include "hardening/policy_toml.hpp"
#include "hardening/shipped_policies.hpp"

namespace nucleus::hardening {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string error_of(std::string_view file, std::string_view text) {
  PolicyInput input;
  for (std::size_t i = 0; i < kPolicyFiles.size(); ++i) {
    input.shown[i] = std::string(kPolicyFiles[i]);
    input.bytes[i] = kPolicyFiles[i] == file            ? text
                     : kPolicyFiles[i] == "policy.toml" ? "name = \"web\"\n"
                                                        : *shipped_file("default", kPolicyFiles[i]);
  }
  const auto policy = decode_policy(input, "web", true);
  return policy ? "" : policy.error().text;
}

struct BrokenFile {
  const char* name;
  const char* file;
  const char* text;
  const char* expected;  // the beginning of the error
};

class BrokenPolicy : public ::testing::TestWithParam<BrokenFile> {};

TEST_P(BrokenPolicy, IsRefusedWithThePlace) {
  const std::string error = error_of(GetParam().file, GetParam().text);
  EXPECT_THAT(error, StartsWith(GetParam().expected));
  EXPECT_THAT(error, Not(HasSubstr("\n")));
  // Engines map these phrases to exit codes 126 and 127.
  EXPECT_THAT(error, Not(HasSubstr("o such file")));
  EXPECT_THAT(error, Not(HasSubstr("ermission denied")));
}

const auto kName = [](const auto& instance) { return std::string(instance.param.name); };

constexpr const char* kPolicy = "policy.toml";
INSTANTIATE_TEST_SUITE_P(
    PolicyToml, BrokenPolicy,
    ::testing::Values(
        BrokenFile{"syntax", kPolicy, "grants = [\n", "policy.toml:1:12: "},
        BrokenFile{"no_value", kPolicy, "name =\n", "policy.toml:1:7: "},
        BrokenFile{"no_equals", kPolicy, "\n\nname\n", "policy.toml:3:5: "},
        BrokenFile{"open_string", kPolicy, "name = \"web\n", "policy.toml:1:12: "},
        BrokenFile{"bad_escape", kPolicy, "name = \"\\q\"\n", "policy.toml:1:10: "},
        BrokenFile{"not_utf8", kPolicy, "name = \"\xff\xfe\"\n", "policy.toml:1:8: Encountered invalid utf-8"},
        BrokenFile{"nul", kPolicy, "name = \"web\"\nx\x01 = 1", "policy.toml:2:2: "},
        BrokenFile{"half_a_word", kPolicy, "name = t\n", "policy.toml:1:9: "},
        BrokenFile{"two_on_a_line", kPolicy, "name = \"web\" pids_limit = 1\n", "policy.toml:1:14: "},
        BrokenFile{"unknown_key", kPolicy, "\ngrant = []\n", "policy.toml:2:1: unknown key \"grant\""},
        BrokenFile{"unknown_table", kPolicy, "[limits]\npids = 1\n", "policy.toml:1:2: unknown key \"limits\""},
        BrokenFile{"dotted_key", kPolicy, "pids.limit = 1\n", "policy.toml:1:1: unknown key \"pids\""},
        BrokenFile{"key_of_other_case", kPolicy, "Name = \"web\"\n", "policy.toml:1:1: unknown key \"Name\""},
        BrokenFile{"duplicate", kPolicy, "pids_limit = 1\npids_limit = 2\n", "policy.toml:2:14: "},
        BrokenFile{"wrong_type", kPolicy, "grants = \"host-pid\"", "policy.toml:1:10: grants: expected array"},
        BrokenFile{"wrong_element", kPolicy, "grants = [1]", "policy.toml:1:11: grants: expected array of"},
        BrokenFile{"second_element", kPolicy, "grants = [\n\"host-pid\",\n  []]",
                   "policy.toml:3:3: grants: expected array"},
        BrokenFile{"bad_grant", kPolicy, "grants = [\"host-pdi\"]", "policy.toml:1:11: grant \"host-pdi\""},
        BrokenFile{"grant_without_value", kPolicy, "grants = [\"device\"]",
                   "policy.toml:1:11: grant \"device\": needs"},
        BrokenFile{"grant_with_value", kPolicy, "grants = [\"host-pid:1\"]",
                   "policy.toml:1:11: grant \"host-pid:1\": takes no value"},
        BrokenFile{"grant_capability", kPolicy, "grants = [\"capability:CAP_ROOT\"]",
                   "policy.toml:1:11: grant \"capability:CAP_ROOT\": unknown capability"},
        BrokenFile{"grant_path", kPolicy, "grants = [\"exec:work\"]",
                   "policy.toml:1:11: grant \"exec:work\": needs an absolute path"},
        BrokenFile{"grant_egress", kPolicy, "grants = [\"egress:0.0.0.0/0\"]", "policy.toml:1:11: "},
        BrokenFile{"other_name", kPolicy, "name = \"db\"", "policy.toml:1:8: name: expected \"web\""},
        BrokenFile{"name_type", kPolicy, "name = 1", "policy.toml:1:8: name: expected string, got integer"},
        BrokenFile{"description_type", kPolicy, "description = [\"x\"]",
                   "policy.toml:1:15: description: expected string"},
        BrokenFile{"floor", kPolicy, "mode_floor = \"passthrough\"", "policy.toml:1:14: mode_floor: expected agent"},
        BrokenFile{"floor_case", kPolicy, "mode_floor = \"Agent\"", "policy.toml:1:14: mode_floor: expected agent"},
        BrokenFile{"pids_zero", kPolicy, "pids_limit = 0", "policy.toml:1:14: pids_limit: expected 1 to"},
        BrokenFile{"pids_negative", kPolicy, "pids_limit = -1", "policy.toml:1:14: pids_limit: expected 1 to"},
        BrokenFile{"pids_large", kPolicy, "pids_limit = 4194305", "policy.toml:1:14: pids_limit: expected 1 to"},
        BrokenFile{"pids_overflow", kPolicy, "pids_limit = 9223372036854775808", "policy.toml:1:"},
        BrokenFile{"pids_float", kPolicy, "pids_limit = 1.5",
                   "policy.toml:1:14: pids_limit: expected integer, got float"},
        BrokenFile{"pids_text", kPolicy, "pids_limit = \"512\"",
                   "policy.toml:1:14: pids_limit: expected integer, got str"}),
    kName);

constexpr const char* kCaps = "caps.toml";
INSTANTIATE_TEST_SUITE_P(
    CapsToml, BrokenPolicy,
    ::testing::Values(
        BrokenFile{"table", kCaps, "[boundign]\nkeep = []\n", "caps.toml:1:2: unknown key \"boundign\""},
        BrokenFile{"effective", kCaps, "[effective]\nkeep = []\n", "caps.toml:1:2: unknown key \"effective\""},
        BrokenFile{"key", kCaps, "[bounding]\nkep = []\n", "caps.toml:2:1: unknown key \"kep\""},
        BrokenFile{"name", kCaps, "[bounding]\nkeep = [\"CHOWNED\"]\n",
                   "caps.toml:2:9: bounding.keep: unknown capability"},
        BrokenFile{"lower_case", kCaps, "[bounding]\nkeep = [\"chown\"]\n", "caps.toml:2:9: bounding.keep: unknown"},
        BrokenFile{"all", kCaps, "[bounding]\nkeep = [\"ALL\"]\n", "caps.toml:2:9: bounding.keep: unknown capability"},
        BrokenFile{"empty_name", kCaps, "[bounding]\nkeep = [\"\"]\n",
                   "caps.toml:2:9: bounding.keep: unknown capability"},
        BrokenFile{"number", kCaps, "[bounding]\nkeep = [0]\n", "caps.toml:2:9: keep: expected array of strings"},
        BrokenFile{"twice", kCaps, "[bounding]\nkeep = [\"CHOWN\",\n\"CAP_CHOWN\"]\n",
                   "caps.toml:3:1: bounding.keep: CAP_CHOWN is named twice"},
        BrokenFile{"not_table", kCaps, "bounding = 1", "caps.toml:1:12: bounding: expected table, got integer"},
        BrokenFile{"list", kCaps, "bounding = [\"CHOWN\"]", "caps.toml:1:12: bounding: expected table, got array"},
        BrokenFile{"tables", kCaps, "[[bounding]]\nkeep = []\n", "caps.toml:1:1: bounding: expected table, got array"},
        BrokenFile{"ambient", kCaps, "[ambient]\nkeep = [\"KILL\"]\n",
                   "caps.toml:2:9: ambient.keep has CAP_KILL, bounding.keep has not"},
        BrokenFile{"section_twice", kCaps, "[bounding]\n[bounding]\n", "caps.toml:2:"}),
    kName);

constexpr const char* kLandlock = "landlock.toml";
INSTANTIATE_TEST_SUITE_P(
    LandlockToml, BrokenPolicy,
    ::testing::Values(
        BrokenFile{"word", kLandlock, "[[rules]]\npath = \"/\"\naccess = [\"exec\"]\n",
                   "landlock.toml:3:11: access: exp"},
        BrokenFile{"letters", kLandlock, "[[rules]]\npath = \"/\"\naccess = [\"rwx\"]\n",
                   "landlock.toml:3:11: access: ex"},
        BrokenFile{"second_word", kLandlock, "[[rules]]\npath = \"/\"\naccess = [\"read\", \"READ\"]\n",
                   "landlock.toml:3:19: access: expected read"},
        BrokenFile{"access_type", kLandlock, "[[rules]]\npath = \"/\"\naccess = \"read\"\n",
                   "landlock.toml:3:10: access: expected array of strings, got string"},
        BrokenFile{"path", kLandlock, "[[rules]]\npath = \"x\"\naccess = [\"read\"]\n",
                   "landlock.toml:2:8: rules: path"},
        BrokenFile{"path_empty", kLandlock, "[[rules]]\npath = \"\"\naccess = [\"read\"]\n",
                   "landlock.toml:2:8: rules: p"},
        BrokenFile{"path_up", kLandlock, "[[rules]]\npath = \"/a/../b\"\naccess = [\"read\"]\n",
                   "landlock.toml:2:8: rules: "},
        BrokenFile{"path_nul", kLandlock, "[[rules]]\npath = \"/a\\u0000b\"\naccess = [\"read\"]\n",
                   "landlock.toml:2:8: rules: "},
        BrokenFile{"path_missing", kLandlock, "[[rules]]\naccess = [\"read\"]\n",
                   "landlock.toml:1:1: rules: path must be"},
        BrokenFile{"path_twice", kLandlock,
                   "[[rules]]\npath = \"/a\"\naccess = [\"read\"]\n[[rules]]\npath = \"/a/\"\naccess = [\"write\"]\n",
                   "landlock.toml:5:8: rules: /a has a rule already"},
        BrokenFile{"empty", kLandlock, "[[rules]]\npath = \"/x\"\n", "landlock.toml:1:1: rules: access must name"},
        BrokenFile{"rule_key", kLandlock, "[[rules]]\npath = \"/\"\naccess = [\"read\"]\nmode = 1\n",
                   "landlock.toml:4:1: unknown key \"mode\""},
        BrokenFile{"not_tables", kLandlock, "rules = [1]", "landlock.toml:1:10: rules: expected array of tables"},
        BrokenFile{"one_table", kLandlock, "[rules]\npath = \"/\"\n",
                   "landlock.toml:1:1: rules: expected array of tables"},
        BrokenFile{"misspelt_section", kLandlock, "[[rule]]\npath = \"/\"\n",
                   "landlock.toml:1:3: unknown key \"rule\""},
        BrokenFile{"abi_negative", kLandlock, "min_abi = -1", "landlock.toml:1:11: min_abi: expected 0 to 1000"},
        BrokenFile{"abi_text", kLandlock, "min_abi = \"3\"", "landlock.toml:1:11: min_abi: expected integer"}),
    kName);

constexpr const char* kEgress = "egress.toml";
INSTANTIATE_TEST_SUITE_P(
    EgressToml, BrokenPolicy,
    ::testing::Values(BrokenFile{"key", kEgress, "deny = []", "egress.toml:1:1: unknown key \"deny\""},
                      BrokenFile{"type", kEgress, "allow = \"192.0.2.1\"",
                                 "egress.toml:1:9: allow: expected array of strings"},
                      BrokenFile{"everything", kEgress, "allow = [\"0.0.0.0/0\"]", "egress.toml:1:10: "},
                      BrokenFile{"everything_v6", kEgress, "allow = [\"::/0\"]", "egress.toml:1:10: "},
                      BrokenFile{"star", kEgress, "allow = [\"*\"]", "egress.toml:1:10: "},
                      BrokenFile{"host_bits", kEgress, "allow = [\n  \"192.0.2.1/24\"]", "egress.toml:2:3: "},
                      BrokenFile{"prefix", kEgress, "allow = [\"192.0.2.0/33\"]", "egress.toml:1:10: "},
                      BrokenFile{"port", kEgress, "allow = [\"192.0.2.1:65536\"]", "egress.toml:1:10: "},
                      BrokenFile{"ports_backwards", kEgress, "allow = [\"192.0.2.1:90-80\"]", "egress.toml:1:10: "},
                      BrokenFile{"protocol", kEgress, "allow = [\"192.0.2.1:80/sctp\"]", "egress.toml:1:10: "},
                      BrokenFile{"mapped", kEgress, "allow = [\"::ffff:192.0.2.1\"]", "egress.toml:1:10: "},
                      BrokenFile{"url", kEgress, "allow = [\"https://example.com\"]", "egress.toml:1:10: "},
                      BrokenFile{"overlap", kEgress, "allow = [\"192.0.2.0/24\",\n\"192.0.2.7:80\"]",
                                 "egress.toml:2:1: allow: \"192"},
                      BrokenFile{"resolver", kEgress, "resolvers = [\"dns.example.com\"]", "egress.toml:1:14: "},
                      BrokenFile{"resolvers", kEgress, "resolvers = [\"::1\",\n\"::2\", \"::3\", \"::4\"]",
                                 "egress.toml:2:15: resolvers: more than 3"},
                      BrokenFile{"dns_alone", kEgress, "dns = true", "egress.toml:1:1: dns: opens the servers"},
                      BrokenFile{"broker_and_list", kEgress, "allow = [\"192.0.2.1\"]\nbroker = \"192.0.2.1:80\"",
                                 "egress.toml:2:10: broker: is the only destination"},
                      BrokenFile{"bind", kEgress, "bind = \"http\"", "egress.toml:1:8: "}),
    kName);

constexpr const char* kSeccomp = "seccomp.json";
INSTANTIATE_TEST_SUITE_P(
    SeccompJson, BrokenPolicy,
    ::testing::Values(
        BrokenFile{"empty", kSeccomp, "", "seccomp.json:1:1: "},
        BrokenFile{"open", kSeccomp, "{", "seccomp.json:1:2: "},
        BrokenFile{"comma", kSeccomp, "{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n}", "seccomp.json:2:1: "},
        BrokenFile{"comment", kSeccomp, "// none\n{}", "seccomp.json:1:1: "},
        BrokenFile{"twice", kSeccomp,
                   "{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n \"defaultAction\": \"SCMP_ACT_ALLOW\"}",
                   "seccomp.json:2:"},
        BrokenFile{"more", kSeccomp, "{\"defaultAction\": \"SCMP_ACT_ERRNO\"}\n{}", "seccomp.json:2:1: "},
        BrokenFile{"array", kSeccomp, "[]", "seccomp.json: "},
        BrokenFile{"no_default", kSeccomp, "{}", "seccomp.json: seccomp.defaultAction: unknown"},
        BrokenFile{"key", kSeccomp, R"({"defaultAction":"SCMP_ACT_ERRNO","x":1})", "seccomp.json: unknown key \"x\""},
        BrokenFile{
            "rule_key", kSeccomp,
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","comment":""}]})",
            "seccomp.json: unknown key \"syscalls[0].comment\""},
        BrokenFile{
            "arg_key", kSeccomp,
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ","mask":1}]}]})",
            "seccomp.json: unknown key \"syscalls[0].args[0].mask\""},
        BrokenFile{
            "name", kSeccomp,
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","raed"],"action":"SCMP_ACT_ALLOW"}]})",
            "seccomp.json: seccomp.syscalls[0].names[1]: unknown system call \"raed\""},
        BrokenFile{"action", kSeccomp, R"({"defaultAction":"SCMP_ACT_NO"})",
                   "seccomp.json: seccomp.defaultAction: unknown seccomp action \"SCMP_ACT_NO\""},
        BrokenFile{"rule_action", kSeccomp,
                   R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"allow"}]})",
                   "seccomp.json: seccomp.syscalls[0]: unknown seccomp action \"allow\""},
        BrokenFile{"errno", kSeccomp, R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4096})", "seccomp.json: "},
        BrokenFile{
            "operator", kSeccomp,
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"EQ"}]}]})",
            "seccomp.json: seccomp.syscalls[0]: unknown seccomp operator \"EQ\""},
        BrokenFile{
            "index", kSeccomp,
            R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]}]})",
            "seccomp.json: seccomp.syscalls[0]: seccomp argument index 6"},
        BrokenFile{"architecture", kSeccomp, R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_VAX"]})",
                   "seccomp.json: seccomp.architectures[0]: "},
        BrokenFile{"flag", kSeccomp, R"({"defaultAction":"SCMP_ACT_ERRNO","flags":["SECCOMP_FILTER_FLAG_NONE"]})",
                   "seccomp.json: seccomp.flags: "}),
    kName);

// A table's header that begins with what no key begins with: toml++ takes that for impossible.
TEST(BrokenPolicy, HeadersWithoutAKey) {
  for (const char* const text :
       {"[=]\n", "[\x01 bounding]\n", "[[.]]\n", "[#]\n", "[\xc3\xa9]\n", "x = 0\"\xc3\xa9\n", "[", "[["}) {
    const auto parsed = TomlTable::parse(text, "caps.toml");
    ASSERT_FALSE(parsed) << text;
    EXPECT_TRUE(parsed.error().text.starts_with("caps.toml:1:")) << parsed.error().text;
  }
}

TEST(BrokenPolicy, DeepAndLongInputEndsInAnError) {
  const std::string deep(100000, '[');
  EXPECT_THAT(error_of(kSeccomp, deep), StartsWith("seccomp.json:1:"));
  EXPECT_THAT(error_of(kPolicy, "grants = " + deep), StartsWith("policy.toml:1:"));
  EXPECT_THAT(error_of(kPolicy, "a" + std::string(1U << 20U, '.')), StartsWith("policy.toml:1:"));
}

}  // namespace
}  // namespace nucleus::hardening
