// policy list|show|lint|lock|digest: what a set is before anybody runs with it. Options may stand before and after the action.
#include <fcntl.h>

#include <algorithm>

#include "hardening/policy_files.hpp"
#include "hardening/policy_lock.hpp"
#include "hardening/policy_text.hpp"
#include "runtime/base/io.hpp"
#include "runtime/cli/command.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", 'f', "text|json", "shape of the output"},
    {"allow", 0, "RULE", "lint: say nothing about this rule (repeatable); the rules stand in brackets"},
    {"check", 0, "", "lock: write nothing, status 2 when policy.lock is missing or out of date"},
    {"help", 'h', "", "print this text"}};

constexpr int kFound = 2;

using hardening::LintLevel;
using hardening::Policy;
using hardening::PolicySource;

struct Call {
  hardening::HostConfig host;
  std::vector<std::string> sets;  // as named; never empty for actions that want one
  bool json = false;
  std::vector<std::string> allowed;
  bool check = false;
};

struct Set {
  PolicySource source;
  Policy policy;
};

Result<Set> load(const Call& call, const std::string& name) {
  TRY_ASSIGN(auto source, hardening::find_policy_source(name, call.host.policy_dirs));
  TRY_ASSIGN(auto policy, hardening::decode_source(source));
  return Set{std::move(source), std::move(policy)};
}

hardening::PolicyRow row_of(const Call& call, const std::string& name) {
  hardening::PolicyRow row;
  row.name = name;
  const auto set = load(call, name);
  if (!set) {
    row.source = "-";
    row.error = set.error().text;
    return row;
  }
  row.source = hardening::source_text(set->source);
  row.digest = set->policy.digest;
  row.floor = hardening::mode_name(set->policy.floor);
  row.description = set->policy.description;
  row.locked = set->source.lock.has_value();
  return row;
}

Result<int> list(const Call& call) {
  TRY_ASSIGN(const auto names, hardening::policy_set_names(call.host.policy_dirs));
  std::vector<hardening::PolicyRow> rows;
  rows.reserve(names.size());
  for (const auto& name : names) {
    rows.push_back(row_of(call, name));
  }
  TRY(print(call.json ? hardening::rows_json(rows) : hardening::rows_text(rows)));
  const bool broken = std::ranges::any_of(rows, [](const auto& row) { return !row.error.empty(); });
  return broken ? kFound : 0;
}

Result<int> show(const Call& call) {
  for (const auto& name : call.sets) {
    TRY_ASSIGN(const auto set, load(call, name));
    TRY(print(call.json ? hardening::policy_json(set.source, set.policy)
                        : hardening::policy_text(set.source, set.policy)));
  }
  return 0;
}

// The lock is one of the things to have an opinion about, so it is not enforced here.
Result<hardening::PolicyLint> lint_of(const Call& call, const std::string& name) {
  TRY_ASSIGN(auto source, hardening::find_policy_source(name, call.host.policy_dirs));
  TRY_ASSIGN(const auto policy, hardening::decode_policy(source.input, source.name, !source.built_in));
  hardening::PolicyLint out{name, hardening::lint(source, policy)};
  std::erase_if(out.findings, [&](const auto& finding) { return std::ranges::count(call.allowed, finding.rule) != 0; });
  return out;
}

Status check_rules(const std::vector<std::string>& names) {
  const auto rules = hardening::lint_rules();
  for (const auto& name : names) {
    const auto same = [&](const hardening::LintRule& rule) { return rule.name == name; };
    if (std::ranges::none_of(rules, same)) {
      return fail(ErrorCode::usage, "--allow: no rule is called " + name);
    }
  }
  return {};
}

Result<int> lint(const Call& call) {
  TRY(check_rules(call.allowed));
  std::vector<hardening::PolicyLint> sets;
  bool warned = false;
  for (const auto& name : call.sets) {
    TRY_ASSIGN(auto found, lint_of(call, name));
    warned = warned || std::ranges::count(found.findings, LintLevel::warning, &hardening::LintFinding::level) != 0;
    sets.push_back(std::move(found));
  }
  TRY(print(call.json ? hardening::lint_json(sets) : hardening::lint_text(sets)));
  return warned ? kFound : 0;
}

Result<int> digest(const Call& call) {
  for (const auto& name : call.sets) {
    TRY_ASSIGN(const auto set, load(call, name));
    TRY(print(name + "@sha256:" + set.policy.digest + "\n"));
  }
  return 0;
}

Result<int> lock_one(const Call& call, const std::string& name) {
  TRY_ASSIGN(const auto source, hardening::find_policy_source(name, call.host.policy_dirs));
  if (source.directory.empty()) {
    return fail(ErrorCode::usage, "policy set \"" + name + "\" is built in and cannot change: it needs no lock");
  }
  TRY_ASSIGN(const auto policy, hardening::decode_policy(source.input, source.name, !source.built_in));
  const std::string text = hardening::lock_text(source.input.bytes);
  const bool current = source.lock == text;
  if (call.check) {
    TRY(print(source.lock_path() + (current ? ": up to date\n" : source.lock ? ": out of date\n" : ": missing\n")));
    return current ? 0 : kFound;
  }
  if (!current) {
    constexpr unsigned kMode = 0644;
    TRY_ASSIGN(const auto directory, hardening::open_policy_directory(source.directory));
    if (!directory) {
      return fail(ErrorCode::state, source.directory + " went away");
    }
    TRY(replace_file(directory->get(), std::string(hardening::kLockFile), text, kMode, true));
  }
  TRY(print(name + "@sha256:" + policy.digest + "\n"));
  return 0;
}

Result<int> lock(const Call& call) {
  int worst = 0;
  for (const auto& name : call.sets) {
    TRY_ASSIGN(const int status, lock_one(call, name));
    worst = std::max(worst, status);
  }
  return worst;
}

struct Action {
  std::string_view name;
  bool takes_sets;
  Result<int> (*run)(const Call&);
};
constexpr Action kActions[] = {
    {"list", false, list}, {"show", true, show}, {"lint", true, lint}, {"lock", true, lock}, {"digest", true, digest}};

Result<Call> read_call(const Globals& globals, const Arguments& before, const Arguments& after, const Action& action) {
  Call call;
  TRY_ASSIGN(call.host, hardening::load_host_config(globals.config));
  const std::string format = after.get("format", before.get("format", "text"));
  if (format != "text" && format != "json") {
    return fail(ErrorCode::usage, "invalid format: " + format);
  }
  call.json = format == "json";
  call.check = before.has("check") || after.has("check");
  call.allowed = before.all("allow");
  const auto more = after.all("allow");
  call.allowed.insert(call.allowed.end(), more.begin(), more.end());
  call.sets = after.rest;
  if (!action.takes_sets && !call.sets.empty()) {
    return fail(ErrorCode::usage, "\"policy " + std::string(action.name) + "\" takes no set");
  }
  if (action.takes_sets && call.sets.empty()) {
    call.sets = {call.host.policy.substr(0, call.host.policy.find('@'))};
  }
  return call;
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  const std::string& word = arguments.rest.front();
  const auto* const action = std::ranges::find_if(kActions, [&](const Action& entry) { return entry.name == word; });
  if (action == std::end(kActions)) {
    return fail(ErrorCode::usage, "policy: there is list, show, lint, lock and digest, not " + word);
  }
  TRY_ASSIGN(const auto after, parse_options(kOptions, {arguments.rest.begin() + 1, arguments.rest.end()}));
  if (after.has("help")) {
    TRY(print("usage: nucleus-oci policy " + word + " [options]" + (action->takes_sets ? " [SET...]" : "") + "\n\n" +
              describe_options(kOptions)));
    return 0;
  }
  TRY_ASSIGN(const auto call, read_call(globals, arguments, after, *action));
  return action->run(call);
}

}  // namespace

constinit const Command kPolicy = {"policy",
                                   "list | show [SET...] | lint [SET...] | lock [SET...] | digest [SET...]",
                                   "show, review, lock and pin policy sets; without a SET the host's",
                                   kOptions,
                                   1,
                                   -1,
                                   run};

}  // namespace nucleus::cli
