#include "hardening/modes.hpp"
#include "hardening/policy.hpp"
#include "runtime/cli/command.hpp"
#include "runtime/sys/lockdown.hpp"
#include "runtime/sys/probe.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"help", 'h', "", "print this text"}};

using hardening::Control;
using hardening::Mode;
using hardening::Reaction;

struct Line {
  std::string what;
  std::string found;
  bool good;
  Control control;
};

std::string layout_name(CgroupLayout layout) {
  switch (layout) {
    case CgroupLayout::v1:
      return "v1";
    case CgroupLayout::hybrid:
      return "v1 with a unified hierarchy beside it (hybrid)";
    case CgroupLayout::v2:
      return "v2";
    case CgroupLayout::none:
      break;
  }
  return "none";
}

std::vector<Line> survey(const HostFacts& facts) {
  constexpr int kWantedAbi = 5;  // refer, truncate, TCP ports, device ioctls
  const bool root = facts.euid == 0;
  const bool raise = (facts.capabilities >> 24 & 1) != 0;  // CAP_SYS_RESOURCE
  return {
      {"kernel", facts.kernel_release, true, Control::confinement},
      {"privilege", root ? "root" : "uid " + std::to_string(facts.euid) + ", only with user namespaces",
       root || facts.user_namespaces, Control::confinement},
      {"seccomp", facts.seccomp ? "available" : "missing", facts.seccomp, Control::seccomp_install},
      {"Landlock", facts.landlock_abi > 0 ? "ABI " + std::to_string(facts.landlock_abi) : "missing",
       facts.landlock_abi >= kWantedAbi, Control::landlock},
      {"cgroups", layout_name(facts.cgroup.layout), facts.cgroup.layout != CgroupLayout::none, Control::cgroup_limits},
      {"raising limits", raise ? "possible" : "no CAP_SYS_RESOURCE", raise, Control::rlimit_raise},
      {"user namespaces", facts.user_namespaces ? "available" : "missing", facts.user_namespaces,
       Control::user_namespace},
      {"time namespaces", facts.time_namespaces ? "available" : "missing", facts.time_namespaces, Control::confinement},
  };
}

// The set that containers get which ask for none. A copy on disk that differs from the one built in shows here.
Result<Line> policy_line(const std::string& config) {
  TRY_ASSIGN(const auto host, hardening::load_host_config(config));
  TRY_ASSIGN(const auto policy, hardening::load_policy(host.policy, host.policy_dirs));
  const std::string from = policy.external ? "from a directory, sha256:" + policy.digest : "built in";
  const bool trusted = !policy.external || policy.pinned;
  return Line{"policy set", policy.name + ", " + from + (trusted ? "" : ", not pinned"), trusted,
              Control::unpinned_policy};
}

// Asked for by the host's configuration, in every mode.
Line lockdown_line(const std::string& wanted) {
  const std::string level = sys::kernel_lockdown();
  const bool good = sys::locks_down(level, wanted);
  return {"kernel lockdown", level + (wanted == "none" ? ", not asked for" : ", wanted " + wanted), good,
          Control::confinement};
}

std::string verdict(Mode mode, const std::vector<Line>& lines) {
  std::string warnings;
  std::string failures;
  for (const Line& line : lines) {
    // A limit that cannot be raised matters only to a config that raises one.
    const Reaction reaction = hardening::reaction(mode, line.control);
    if (line.good || reaction == Reaction::off) {
      continue;
    }
    const bool conditional = line.control == Control::rlimit_raise;
    std::string& list = reaction == Reaction::fail && !conditional ? failures : warnings;
    list += (list.empty() ? "" : ", ") + line.what + (conditional ? " (for configs that raise one)" : "");
  }
  std::string out(hardening::mode_name(mode));
  out.resize(16, ' ');
  out += failures.empty() ? (warnings.empty() ? "yes" : "yes, degraded") : "no";
  out += failures.empty() ? "" : ": " + failures;
  return out + (warnings.empty() ? "" : (failures.empty() ? ": " : "; degraded: ") + warnings) + "\n";
}

Result<int> run(const Globals& globals, const Arguments&) {
  TRY_ASSIGN(const auto facts, sys::probe_host({}));
  auto lines = survey(facts);
  auto policy = policy_line(globals.config);
  const auto host = hardening::load_host_config(globals.config);
  lines.push_back(lockdown_line(host ? host->lockdown : "none"));
  lines.push_back(policy ? *policy : Line{"configuration", policy.error().text, false, Control::confinement});
  std::string out;
  for (const Line& line : lines) {
    std::string row = std::string(line.good ? "ok  " : "--  ") + line.what;
    row.resize(24, ' ');
    out += row + line.found + "\n";
  }
  out += "\n";
  for (const Mode mode : {Mode::agent, Mode::strict_agent, Mode::production}) {
    out += verdict(mode, lines);
  }
  out +=
      "\nproduction wants of each container an attested rootfs (--attest FILE@sha256:HEX), a memory limit and a user "
      "namespace\n";
  TRY(print(out));
  return 0;
}

}  // namespace

constinit const Command kCheck = {"check", "", "what this host can enforce, and a verdict per mode", kOptions, 0,
                                  0,       run};

}  // namespace nucleus::cli
