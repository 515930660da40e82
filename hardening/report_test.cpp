#include "hardening/report.hpp"

#include <fcntl.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "hardening/test_support.hpp"
#include "oci/document.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/test_source.hpp"

namespace nucleus::hardening {
namespace {

using namespace test;
using ::testing::HasSubstr;

std::string source_file(const std::string& name) {
  return read_file(AT_FDCWD, nucleus::test::source_directory() + "/" + name, 1U << 22U).value();
}

// NUCLEUS_UPDATE_GOLDEN=1 rewrites the expected texts after an intended change.
void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = "hardening/testdata/" + name;
  if (std::getenv("NUCLEUS_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(nucleus::test::source_directory() + "/" + path) << text;
  }
  EXPECT_EQ(text, source_file(path)) << path;
}

Result<Hardened> harden_fixture(const std::string& name) {
  const auto spec = oci::parse_spec(source_file("conformance/fixtures/" + name), name).value();
  HostFacts facts = root_facts();
  for (const auto& entry : spec.linux.namespaces) {
    facts.namespace_paths[entry.path] = {true, false};
  }
  // A policy whose files do not change with the shipped set.
  Policy policy = small_policy({"capability:CAP_NET_ADMIN"});
  policy.digest = std::string(64, '0');
  return harden(spec, policy, facts, Mode::agent);
}

TEST(Report, PodmansConfig) {
  const auto out = harden_fixture("podman-run.json");
  ASSERT_TRUE(out) << out.error().text;
  expect_golden("explain_podman.txt", render(out->report, ReportFormat::text));
  expect_golden("explain_podman.json", render(out->report, ReportFormat::json));
}

TEST(Report, PrivilegedIsDroppedAndGranted) {
  const auto out = harden_fixture("podman-privileged.json");
  ASSERT_TRUE(out) << out.error().text;
  expect_golden("explain_privileged.txt", render(out->report, ReportFormat::text));
}

TEST(Report, AWarningNamesWhatIsGone) {
  Finding finding{FindingKind::dropped, "capabilities", "/p", R"(["A","B","C"])", R"(["B"])", "policy x", "why"};
  EXPECT_EQ(describe(finding), R"(capabilities: /p loses ["A","C"]: why (policy x))");
  finding.after = "";
  EXPECT_EQ(describe(finding), R"(capabilities: /p: ["A","B","C"] is dropped: why (policy x))");
  finding.before = "1";
  finding.after = "2";
  EXPECT_EQ(describe(finding), "capabilities: /p: 1 becomes 2: why (policy x)");
  finding.before = "[\"" + std::string(1000, 'a') + "\"]";
  finding.after = "[]";
  EXPECT_THAT(describe(finding), HasSubstr("... (1004 bytes): why"));
}

TEST(Report, SaysWhoChose) {
  Report report;
  EXPECT_THAT(render(report, ReportFormat::text), ::testing::Not(HasSubstr("chosen by")));
  report.mode_origin = "command line";
  report.policy_origin = "profile \"build\" (nucleus.toml:7:1)";
  EXPECT_THAT(render(report, ReportFormat::text),
              HasSubstr("\nmode chosen by command line, policy by profile \"build\" (nucleus.toml:7:1)\n"));
  const auto json = nlohmann::json::parse(render(report, ReportFormat::json));
  EXPECT_EQ(json["modeOrigin"], report.mode_origin);
  EXPECT_EQ(json["policyOrigin"], report.policy_origin);
}

TEST(Report, LongAndBrokenTextsStayReadable) {
  Report report;
  report.findings.push_back(
      {FindingKind::tightened, "rule", "/x", "\"" + std::string(500, 'a') + "\xc3\xa9\"", "", "mode agent", "because"});
  const std::string text = render(report, ReportFormat::text);
  EXPECT_THAT(text, HasSubstr("... (504 bytes)"));
  EXPECT_THAT(text, HasSubstr("-> (removed)"));
  report.findings[0].reason = "\xff";
  EXPECT_FALSE(nlohmann::json::parse(render(report, ReportFormat::json), nullptr, false).is_discarded());
}

}  // namespace
}  // namespace nucleus::hardening
