#include "hardening/policy_text.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "hardening/json_text.hpp"
#include "hardening/seccomp_table.hpp"

namespace nucleus::hardening {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kWidth = 100;
constexpr std::size_t kColumn = 46;

// A property of the set and where it stands.
struct Line {
  std::string text;
  std::string origin;
};

struct Section {
  std::string title;
  std::vector<Line> lines;
};

// The names by what becomes of them: "allow", "allow, by arguments", "errno 38", "kill the process".
using Verdicts = std::map<std::string, std::set<std::string>>;

std::string verdict_text(const std::string& action, const std::optional<std::uint32_t>& errno_ret) {
  const auto verdict = parse_verdict(action, errno_ret);
  return verdict ? to_string(*verdict) : action;
}

Verdicts verdicts(const oci::Seccomp& profile) {
  Verdicts out;
  for (const auto& rule : profile.syscalls) {
    const std::string text = verdict_text(rule.action, rule.errno_ret);
    out[text + (rule.args.empty() ? "" : " by arguments")].insert(rule.names.begin(), rule.names.end());
  }
  return out;
}

Section grants(const Policy& policy) {
  Section out{"grants", {}};
  for (const auto& grant : policy.grants) {
    out.lines.push_back({to_string(grant), grant.origin});
  }
  return out;
}

Section capabilities(const Policy& policy) {
  Section out{"capabilities", {}};
  for (const auto& name : policy.keep_bounding) {
    out.lines.push_back({"bounding " + name, policy.places.at("bounding " + name)});
  }
  for (const auto& name : policy.keep_ambient) {
    out.lines.push_back({"ambient " + name, policy.places.at("ambient " + name)});
  }
  return out;
}

Section landlock(const Policy& policy) {
  Section out{"landlock, ABI " + std::to_string(policy.landlock.min_abi) + " or newer", {}};
  for (const auto& rule : policy.landlock.rules) {
    out.lines.push_back({rule.path + ": " + access_text(rule.access), rule.origin});
  }
  if (out.lines.empty()) {
    out.lines.push_back({"derived from the mounts and the root file system", "policy " + policy.name});
  }
  return out;
}

Section egress(const Policy& policy) {
  Section out{"egress", {}};
  const std::string file = "policy " + policy.name + " (egress.toml)";
  for (const auto& entry : policy.egress.allow) {
    out.lines.push_back({entry.text, entry.origin});
  }
  if (policy.egress.broker) {
    out.lines.push_back({"broker " + to_string(policy.egress.broker->address) + " port " +
                             std::to_string(policy.egress.broker->port) + " and nothing else",
                         file});
  }
  for (const auto& resolver : policy.egress.resolvers) {
    out.lines.push_back(
        {"resolver " + to_string(resolver) + (policy.egress.dns ? ", open for every question" : ""), file});
  }
  if (policy.egress.bind) {
    out.lines.push_back({"TCP ports that may be bound: " + to_string(*policy.egress.bind), file});
  }
  if (policy.egress.landlock_ports) {
    out.lines.push_back({"Landlock holds TCP connections to these ports as well", file});
  }
  if (policy.egress.private_names) {
    out.lines.push_back({"names may lead to private addresses", file});
  }
  return out;
}

void append(std::string& out, const Section& section) {
  out += "\n" + section.title + "\n";
  for (const auto& line : section.lines) {
    std::string left = "  " + line.text;
    left.resize(std::max(kColumn, left.size() + 1), ' ');
    out += left + "[" + line.origin + "]\n";
  }
  if (section.lines.empty()) {
    out += "  none\n";
  }
}

void append_wrapped(std::string& out, const std::set<std::string>& names) {
  std::string line = "   ";
  for (const auto& name : names) {
    if (line.size() + name.size() + 1 > kWidth) {
      out += line + "\n";
      line = "   ";
    }
    line += " " + name;
  }
  out += line + "\n";
}

void append(std::string& out, const oci::Seccomp& profile) {
  out += "\nseccomp, " + verdict_text(profile.default_action, profile.default_errno_ret) + " unless listed\n";
  for (const auto& [verdict, names] : verdicts(profile)) {
    out += "  " + verdict + " (" + std::to_string(names.size()) + ")\n";
    append_wrapped(out, names);
  }
}

Json lines_json(const Section& section, const char* key) {
  Json out = Json::array();
  for (const auto& line : section.lines) {
    out.push_back({{key, line.text}, {"origin", line.origin}});
  }
  return out;
}

Json capability_json(const Policy& policy, const std::string& set, const std::vector<std::string>& names) {
  Json out = Json::array();
  for (const auto& name : names) {
    out.push_back({{"name", name}, {"origin", policy.places.at(std::string(set).append(" ").append(name))}});
  }
  return out;
}

Json landlock_json(const LandlockPolicy& landlock) {
  Json rules = Json::array();
  for (const auto& rule : landlock.rules) {
    rules.push_back({{"path", rule.path}, {"access", access_text(rule.access)}, {"origin", rule.origin}});
  }
  return {{"minAbi", landlock.min_abi}, {"derived", landlock.rules.empty()}, {"rules", std::move(rules)}};
}

Json seccomp_json(const oci::Seccomp& profile) {
  Json out = {{"default", verdict_text(profile.default_action, profile.default_errno_ret)}};
  for (const auto& [verdict, names] : verdicts(profile)) {
    out[verdict] = names;
  }
  return out;
}

std::string_view level_name(LintLevel level) { return level == LintLevel::warning ? "warning" : "note"; }

// One line, none where the set says nothing.
std::string attestation_text(const AttestationSettings& settings) {
  std::string out = settings.required ? " required" : "";
  out += settings.manifest.empty() ? "" : " manifest " + json_text(settings.manifest);
  out += settings.key.empty() ? "" : " key " + json_text(settings.key);
  return out.empty() ? out : "  attestation" + out + "\n";
}

}  // namespace

std::string source_text(const PolicySource& source) {
  return source.directory.empty() ? "built in" : source.directory.substr(0, source.directory.find_last_not_of('/') + 1);
}

std::string policy_text(const PolicySource& source, const Policy& policy) {
  std::string out = "policy " + policy.name + "\n  " + policy.description + "\n  source      " + source_text(source) +
                    (source.built_in && !source.directory.empty() ? ", the same as built in" : "") +
                    "\n  digest      sha256:" + policy.digest + "\n  lock        " +
                    (source.directory.empty() ? "compiled in"
                     : source.lock            ? "policy.lock, matches"
                                              : "none") +
                    "\n  mode floor  " + std::string(mode_name(policy.floor)) + "\n  pids limit  " +
                    std::to_string(policy.pids_limit) + "\n" + attestation_text(policy.attestation_settings);
  for (const Section& section : {grants(policy), capabilities(policy), landlock(policy), egress(policy)}) {
    append(out, section);
  }
  append(out, policy.seccomp);
  return out;
}

std::string policy_json(const PolicySource& source, const Policy& policy) {
  Json out = {{"name", policy.name},
              {"description", policy.description},
              {"source", source_text(source)},
              {"builtIn", source.built_in},
              {"digest", "sha256:" + policy.digest},
              {"locked", source.lock.has_value()},
              {"modeFloor", mode_name(policy.floor)},
              {"pidsLimit", policy.pids_limit}};
  const AttestationSettings& attestation = policy.attestation_settings;
  out["attestation"] = {
      {"required", attestation.required}, {"manifest", attestation.manifest}, {"key", attestation.key}};
  out["grants"] = lines_json(grants(policy), "grant");
  out["capabilities"] = {{"bounding", capability_json(policy, "bounding", policy.keep_bounding)},
                         {"ambient", capability_json(policy, "ambient", policy.keep_ambient)}};
  out["landlock"] = landlock_json(policy.landlock);
  out["egress"] = lines_json(egress(policy), "entry");
  out["seccomp"] = seccomp_json(policy.seccomp);
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string rows_text(const std::vector<PolicyRow>& rows) {
  std::size_t name = 4;
  std::size_t place = 6;
  for (const auto& row : rows) {
    name = std::max(name, row.name.size());
    place = std::max(place, row.source.size());
  }
  const auto padded = [](std::string text, std::size_t width) {
    text.resize(std::max(text.size(), width) + 2, ' ');
    return text;
  };
  constexpr std::size_t kFloor = 12;
  constexpr std::size_t kDigits = 12;
  std::string out = padded("NAME", name) + padded("SOURCE", place) + padded("FLOOR", kFloor) +
                    padded("SHA256", kDigits) + "DESCRIPTION\n";
  for (const auto& row : rows) {
    out += padded(row.name, name) + padded(row.source, place) + padded(row.floor, kFloor) +
           padded(row.digest.substr(0, kDigits), kDigits) +
           (row.error.empty() ? row.description : "UNUSABLE: " + row.error) + "\n";
  }
  return out;
}

std::string rows_json(const std::vector<PolicyRow>& rows) {
  Json out = Json::array();
  for (const auto& row : rows) {
    Json entry = {{"name", row.name}, {"source", row.source}};
    if (row.error.empty()) {
      entry["digest"] = "sha256:" + row.digest;
      entry["locked"] = row.locked;
      entry["modeFloor"] = row.floor;
      entry["description"] = row.description;
    } else {
      entry["error"] = row.error;
    }
    out.push_back(std::move(entry));
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string lint_text(const std::vector<PolicyLint>& sets) {
  std::string out;
  for (const auto& set : sets) {
    for (const auto& finding : set.findings) {
      out += std::string(level_name(finding.level)) + " " + finding.place + ": " + finding.text + " [" + finding.rule +
             "]\n";
    }
    out += set.findings.empty() ? "policy " + set.set + ": nothing to say\n" : "";
  }
  return out;
}

std::string lint_json(const std::vector<PolicyLint>& sets) {
  Json out = Json::array();
  for (const auto& set : sets) {
    Json findings = Json::array();
    for (const auto& finding : set.findings) {
      findings.push_back({{"level", level_name(finding.level)},
                          {"rule", finding.rule},
                          {"place", finding.place},
                          {"text", finding.text}});
    }
    out.push_back({{"policy", set.set}, {"findings", std::move(findings)}});
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace nucleus::hardening
