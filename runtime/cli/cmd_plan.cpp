#include "runtime/cli/pipeline.hpp"
#include "runtime/plan/order.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"bundle", 'b', "DIR", "bundle directory (default: the working directory)"},
                               kModeOption,
                               kPolicyOption,
                               kPolicyFileOption,
                               kGrantOption,
                               kAttestOption,
                               {"help", 'h', "", "print this text"}};

std::string parent_part(const plan::LaunchPlan& plan) {
  std::string out = "mode " + std::string(hardening::mode_name(plan.mode)) + "\nroot " + plan.root.path +
                    (plan.root.kind == plan::RootKind::overlay ? " (ephemeral)" : "") + "\nnew namespaces:";
  for (const auto& type : plan.namespaces.create) {
    out += " " + type;
  }
  out += "\n";
  for (const auto& mapping : plan.namespaces.uid_map) {
    out += "uid map " + std::to_string(mapping.container_id) + " -> " + std::to_string(mapping.host_id) + " x " +
           std::to_string(mapping.size) + "\n";
  }
  if (plan.cgroup.enabled) {
    out += plan.cgroup.unit ? "systemd unit " + plan.cgroup.unit->name + " in " + plan.cgroup.unit->slice + "\n" : "";
    out += "cgroup " + std::string(plan.cgroup.relative ? "(below the caller's) " : "") + plan.cgroup.path + "\n";
  }
  for (const auto& setting : plan.cgroup.settings) {
    out += "  " + setting.file + " = " + setting.value + "\n";
  }
  for (const auto& mount : plan.detached) {
    out += "clone " + mount.source + " for " + mount.destination + "\n";
  }
  return out;
}

std::string init_part(const plan::LaunchPlan& plan) {
  constexpr std::size_t kColumn = 20;
  std::string out = "init:\n";
  for (std::size_t i = 0; i < plan.init.size(); ++i) {
    std::string phase(plan::phase_name(plan::phase_of(plan.init[i].action)));
    phase.resize(kColumn, ' ');
    out += (i < 9 ? "  " : " ") + std::to_string(i + 1) + "  " + phase + plan::describe(plan.init[i]) +
           (plan.init[i].on_failure == hardening::Reaction::warn ? "  [failure warns]" : "") + "\n";
  }
  if (plan.seccomp) {
    out += "seccomp filter: " + std::to_string(plan.seccomp->filter.size()) + " instructions\n";
  }
  if (plan.egress) {
    out += "egress rules: " + std::to_string(plan.egress->table.chains.front().rules.size()) + ", of " +
           std::to_string(plan.egress->record.policy.allow.size()) + " allowed destinations\n";
  }
  return out + "Landlock: ABI " + std::to_string(plan.landlock.abi) + ", " +
         std::to_string(plan.landlock.paths.size()) + " rules\n";
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto decision, decide(globals, arguments));
  plan::Request request;
  request.id = arguments.rest.empty() ? "ID" : arguments.rest.front();
  request.bundle = decision.bundle.path;
  request.systemd_cgroup = globals.systemd_cgroup;
  TRY_ASSIGN(const auto plan, plan_launch(decision, request));
  TRY(print(parent_part(plan) + init_part(plan)));
  return 0;
}

}  // namespace

constinit const Command kPlan = {"plan", "[container-id]", "show every step a launch would take", kOptions, 0, 1, run};

}  // namespace nucleus::cli
