// linux.resources -> files and values of both cgroup versions (config-linux.md "Control Groups",
// Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst).
#include <algorithm>

#include "hardening/rules/default_devices.hpp"
#include "runtime/plan/cgroup_settings.hpp"
#include "runtime/plan/parts.hpp"

namespace nucleus::plan {
namespace {

using hardening::Control;
using hardening::Mode;

// "slice:prefix:name" belongs to the systemd driver.
bool is_systemd_path(const std::string& path) {
  return !path.empty() && path.front() != '/' && std::count(path.begin(), path.end(), ':') == 2;
}

// What runc makes of every list: everything denied, what the config says, then the making of nodes, the default nodes and
// terminals. A config that denies everything (`runc spec` writes one) would else make /dev/null unusable, and one without
// a list would open every device. The hardened modes' rewrite has it all in the list already.
std::vector<oci::DeviceRule> with_defaults(const std::vector<oci::DeviceRule>& asked) {
  std::vector<oci::DeviceRule> rules = {{false, "a", std::nullopt, std::nullopt, "rwm", {}}};
  rules.insert(rules.end(), asked.begin(), asked.end());
  rules.push_back({true, "c", std::nullopt, std::nullopt, "m", {}});
  rules.push_back({true, "b", std::nullopt, std::nullopt, "m", {}});
  for (const auto& known : hardening::kDefaultDevices) {
    if (known.path != "/dev/console") {  // a terminal of the container's devpts is there; 5:1 is the host's
      rules.push_back({true, "c", known.major, known.minor, "rwm", {}});
    }
  }
  rules.push_back({true, "c", hardening::kPtsMajor, std::nullopt, "rwm", {}});
  return rules;
}

}  // namespace

Status plan_cgroup(PlanContext& context) {
  CgroupPlan& out = context.plan.cgroup;
  const oci::Linux& linux = context.spec.linux;
  if (context.request.no_cgroups || context.facts.cgroup.layout == CgroupLayout::none) {
    return {};
  }
  if (is_systemd_path(linux.cgroups_path)) {
    return fail(ErrorCode::invalid_config, "linux.cgroupsPath: \"" + linux.cgroups_path +
                                               "\" needs the systemd cgroup driver, which this version lacks");
  }
  out.enabled = true;
  out.relative = linux.cgroups_path.empty() || linux.cgroups_path.front() != '/';
  out.path = linux.cgroups_path.empty() ? context.request.id : linux.cgroups_path;
  out.on_failure = context.on(Control::cgroup_limits);
  if (linux.resources) {
    out.settings =
        context.facts.cgroup.layout == CgroupLayout::v2 ? v2_settings(*linux.resources) : v1_settings(*linux.resources);
    out.devices = linux.resources->devices;
  }
  if (context.hardened.mode == Mode::passthrough) {
    out.devices = with_defaults(out.devices);
  }
  out.device_control = !out.devices.empty();
  // In clone3 on v2 (CLONE_INTO_CGROUP); on v1 the child moves itself.
  if (context.facts.cgroup.layout != CgroupLayout::v2) {
    context.add(JoinCgroup{});
  }
  return {};
}

}  // namespace nucleus::plan
