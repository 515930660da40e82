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
using hardening::Reaction;

// "slice:prefix:name" belongs to the systemd driver.
bool is_systemd_path(const std::string& path) {
  return !path.empty() && path.front() != '/' && std::count(path.begin(), path.end(), ':') == 2;
}

// As runc adds them to every list: a config that denies everything (`runc spec` writes one) still means the default nodes
// and terminals to work. The hardened modes' rewrite has them in the list already.
void allow_default_devices(std::vector<oci::DeviceRule>& rules) {
  for (const auto& node : hardening::kDefaultDevices) {
    rules.push_back({true, "c", node.major, node.minor, "rwm", {}});
  }
  rules.push_back({true, "c", hardening::kPtsMajor, std::nullopt, "rwm", {}});
}

}  // namespace

Status plan_cgroup(PlanContext& context) {
  CgroupPlan& out = context.plan.cgroup;
  const oci::Linux& linux = context.spec.linux;
  if (context.request.no_cgroups || context.facts.cgroup.layout == CgroupLayout::none) {
    return {};
  }
  if (is_systemd_path(linux.cgroups_path)) {
    return fail(ErrorCode::invalid_config,
                "linux.cgroupsPath: \"" + linux.cgroups_path + "\" needs the systemd cgroup driver, which this version lacks");
  }
  out.enabled = true;
  out.relative = linux.cgroups_path.empty() || linux.cgroups_path.front() != '/';
  out.path = linux.cgroups_path.empty() ? context.request.id : linux.cgroups_path;
  out.on_failure = context.on(Control::cgroup_limits);
  if (linux.resources) {
    out.settings = context.facts.cgroup.layout == CgroupLayout::v2 ? v2_settings(*linux.resources)
                                                                  : v1_settings(*linux.resources);
    out.devices = linux.resources->devices;
    out.device_control = !out.devices.empty();
    if (out.device_control && context.hardened.mode == Mode::passthrough) {
      allow_default_devices(out.devices);
    }
  }
  // In clone3 on v2 (CLONE_INTO_CGROUP); on v1 the child moves itself.
  if (context.facts.cgroup.layout != CgroupLayout::v2) {
    context.add(JoinCgroup{});
  }
  return {};
}

}  // namespace nucleus::plan
