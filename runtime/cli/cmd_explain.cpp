#include "hardening/report.hpp"
#include "oci/document.hpp"
#include "runtime/cli/pipeline.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"bundle", 'b', "DIR", "bundle directory (default: the working directory)"},
                               kModeOption,
                               kPolicyOption,
                               kPolicyFileOption,
                               kGrantOption,
                               kTraceOption,
                               kLearnOption,
                               kDenialsOption,
                               kAttestOption,
                               {"format", 'f', "text|json|patch|config|nft",
                                "patch is RFC 6902, config the rewritten config.json, nft the egress rules"},
                               {"exit-code", 0, "", "status 2 when a request was dropped, for CI"},
                               {"help", 'h', "", "print this text"}};

constexpr int kRequestDropped = 2;

bool drops_requests(const hardening::Report& report) {
  for (const auto& finding : report.findings) {
    if (finding.kind == hardening::FindingKind::dropped) {
      return true;
    }
  }
  return false;
}

Result<std::string> render(const Decision& decision, const std::string& format) {
  const hardening::Report& report = decision.hardened.report;
  if (format == "text") {
    return hardening::render(report, hardening::ReportFormat::text);
  }
  if (format == "json") {
    return hardening::render(report, hardening::ReportFormat::json) + "\n";
  }
  if (format == "patch") {
    return oci::json_patch(decision.bundle.config, decision.rewritten, 2) + "\n";
  }
  if (format == "config") {
    return oci::rewrite_document(decision.bundle.config, decision.hardened.spec, 2) + "\n";
  }
  if (format == "nft") {
    plan::Request request;
    request.id = "ID";
    request.bundle = decision.bundle.path;
    TRY_ASSIGN(const auto plan, plan_launch(decision, request));
    return plan.egress ? nft::to_text(plan.egress->table) : std::string();
  }
  return fail(ErrorCode::usage, "invalid format: " + format);
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto decision, decide(globals, arguments));
  TRY_ASSIGN(const std::string text, render(decision, arguments.get("format", "text")));
  TRY(print(text));
  return arguments.has("exit-code") && drops_requests(decision.hardened.report) ? kRequestDropped : 0;
}

}  // namespace

constinit const Command kExplain = {
    "explain", "[container-id]", "show how a bundle's config would be rewritten, and why", kOptions, 0, 1, run};

}  // namespace nucleus::cli
