#include "hardening/report.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace nucleus::hardening {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kKindNames = {"tightened", "dropped", "granted", "note"};

std::string_view kind_name(FindingKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

std::size_t count(const Report& report, FindingKind kind) {
  return static_cast<std::size_t>(std::ranges::count(report.findings, kind, &Finding::kind));
}

// A profile of 400 names is for the JSON form; people get its beginning. Never cuts inside a UTF-8 sequence.
std::string shortened(const std::string& text) {
  constexpr std::size_t kLimit = 160;
  if (text.size() <= kLimit) {
    return text;
  }
  std::size_t end = kLimit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end) + "... (" + std::to_string(text.size()) + " bytes)";
}

std::string value_text(const std::string& json) { return json.empty() ? "(absent)" : shortened(json); }

void append_finding(std::string& out, const Finding& finding) {
  out += "  " + std::string(kind_name(finding.kind)) + (finding.path.empty() ? "" : " " + finding.path) + "\n";
  if (finding.kind == FindingKind::tightened || finding.kind == FindingKind::dropped) {
    out += "    " + value_text(finding.before) + "\n    -> " +
           (finding.after.empty() ? "(removed)" : shortened(finding.after)) + "\n";
  }
  out += "    " + finding.reason + " [" + finding.origin + "]\n";
}

// Rules in the order in which they first speak.
std::vector<std::string> rule_order(const Report& report) {
  std::vector<std::string> rules;
  for (const auto& finding : report.findings) {
    if (std::ranges::find(rules, finding.rule) == rules.end()) {
      rules.push_back(finding.rule);
    }
  }
  return rules;
}

std::string header_text(const Report& report) {
  std::string out = "mode " + std::string(mode_name(report.mode));
  if (!report.policy.empty()) {
    out += ", policy " + report.policy;
  }
  if (!report.policy_digest.empty()) {
    out += " (sha256:" + report.policy_digest + ")";
  }
  if (!report.mode_origin.empty()) {
    out += "\nmode chosen by " + report.mode_origin + ", policy by " + report.policy_origin;
  }
  return out + "\n" + std::to_string(count(report, FindingKind::tightened)) + " tightened, " +
         std::to_string(count(report, FindingKind::dropped)) + " dropped, " +
         std::to_string(count(report, FindingKind::granted)) + " granted, " +
         std::to_string(count(report, FindingKind::note)) + " notes\n";
}

std::string render_text(const Report& report) {
  std::string out = header_text(report);
  for (const auto& rule : rule_order(report)) {
    out += "\n" + rule + "\n";
    for (const auto& finding : report.findings) {
      if (finding.rule == rule) {
        append_finding(out, finding);
      }
    }
  }
  return out;
}

// `before` and `after` as values, absent ones left out.
void put_value(Json& out, const char* key, const std::string& text) {
  if (text.empty()) {
    return;
  }
  Json value = Json::parse(text, nullptr, false);
  out[key] = value.is_discarded() ? Json(text) : std::move(value);
}

Json finding_json(const Finding& finding) {
  Json out = {{"kind", kind_name(finding.kind)}, {"rule", finding.rule}, {"path", finding.path}};
  put_value(out, "before", finding.before);
  put_value(out, "after", finding.after);
  out["origin"] = finding.origin;
  out["reason"] = finding.reason;
  return out;
}

std::string render_json(const Report& report) {
  Json counts = Json::object();
  for (const auto kind : {FindingKind::tightened, FindingKind::dropped, FindingKind::granted, FindingKind::note}) {
    counts[std::string(kind_name(kind))] = count(report, kind);
  }
  Json findings = Json::array();
  for (const auto& finding : report.findings) {
    findings.push_back(finding_json(finding));
  }
  Json out = {{"mode", mode_name(report.mode)}, {"policy", report.policy}, {"policyDigest", report.policy_digest}};
  if (!report.mode_origin.empty()) {
    out["modeOrigin"] = report.mode_origin;
    out["policyOrigin"] = report.policy_origin;
  }
  out["counts"] = std::move(counts);
  out["findings"] = std::move(findings);
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Of two lists, what only the first has. A warning about one capability should not hide it among forty.
std::optional<std::string> missing_elements(const std::string& before, const std::string& after) {
  const Json had = Json::parse(before, nullptr, false);
  const Json has = Json::parse(after, nullptr, false);
  if (!had.is_array() || !has.is_array()) {
    return std::nullopt;
  }
  Json missing = Json::array();
  for (const auto& element : had) {
    if (std::ranges::find(has, element) == has.end()) {
      missing.push_back(element);
    }
  }
  return missing.dump();
}

std::string change_text(const Finding& finding) {
  if (const auto missing = missing_elements(finding.before, finding.after)) {
    return " loses " + shortened(*missing);
  }
  return ": " + shortened(finding.before) +
         (finding.after.empty() ? " is dropped" : " becomes " + shortened(finding.after));
}

}  // namespace

std::string describe(const Finding& finding) {
  return finding.rule + ": " + finding.path + change_text(finding) + ": " + finding.reason +
         (finding.origin.empty() ? "" : " (" + finding.origin + ")");
}

std::string render(const Report& report, ReportFormat format) {
  return format == ReportFormat::json ? render_json(report) : render_text(report);
}

}  // namespace nucleus::hardening
