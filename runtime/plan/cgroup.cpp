// linux.resources -> files and values of both cgroup versions (config-linux.md "Control Groups",
// Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst).
#include <algorithm>

#include "hardening/rules/default_devices.hpp"
#include "runtime/plan/cgroup_settings.hpp"
#include "runtime/plan/cgroup_systemd.hpp"
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

Status place_in_hierarchy(PlanContext& context, CgroupPlan& out) {
  const std::string& path = context.spec.linux.cgroups_path;
  if (is_systemd_path(path)) {
    return fail(ErrorCode::invalid_config,
                "linux.cgroupsPath: \"" + path + "\" is for the systemd cgroup driver (--systemd-cgroup)");
  }
  out.relative = path.empty() || path.front() != '/';
  out.path = path.empty() ? context.request.id : path;
  return {};
}

bool is_rootless(const HostFacts& facts) { return facts.euid != 0 || facts.in_user_namespace; }

Status place_in_unit(PlanContext& context, CgroupPlan& out) {
  const bool rootless = is_rootless(context.facts);
  if (rootless && context.facts.cgroup.layout != CgroupLayout::v2) {
    return fail(ErrorCode::usage, "the systemd cgroup driver without root needs cgroup v2");
  }
  TRY_ASSIGN(out.unit, plan_unit(context.spec.linux.cgroups_path, context.request.id, rootless));
  out.path = out.unit->path;
  return {};
}

void describe_unit(CgroupPlan& plan, CgroupLayout layout) {
  std::vector<UnitProperty>& out = plan.unit->properties;
  out = common_properties(*plan.unit, layout);
  for (auto& property : limit_properties(plan.settings, layout)) {
    out.push_back(std::move(property));
  }
  if (plan.device_control) {
    for (auto& property : device_properties(plan.devices, layout)) {
      out.push_back(std::move(property));
    }
  }
}

bool is_writable_cgroup_mount(const oci::Mount& mount) {
  const auto has = [&](const char* option) { return std::ranges::find(mount.options, option) != mount.options.end(); };
  return (mount.type == "cgroup" || mount.type == "cgroup2") && !has("ro") && !has("rro");
}

// cgroup-v2.rst "cgroup.max.depth", "cgroup.max.descendants": a workload that makes cgroups of its own costs the host
// neither memory without end nor a tree that nobody can walk. What a systemd inside makes is some ten levels deep and
// hundreds of cgroups wide. The files stay the host's; the config's `unified` comes later and has the last word.
void bound_children(const PlanContext& context, CgroupPlan& out) {
  if (context.facts.cgroup.layout == CgroupLayout::v2 &&
      std::ranges::any_of(context.spec.mounts, is_writable_cgroup_mount)) {
    out.settings.insert(out.settings.begin(),
                        {{"", "cgroup.max.depth", "32", true}, {"", "cgroup.max.descendants", "4096", true}});
  }
}

// config-linux.md "Cgroup ownership": a container with user and cgroup namespaces of its own that may write to its cgroup
// gets it for its root.
std::optional<std::uint32_t> cgroup_owner(const PlanContext& context) {
  const NamespacePlan& namespaces = context.plan.namespaces;
  const bool own = namespaces.creates("user") && namespaces.creates("cgroup");
  if (!own || context.facts.cgroup.layout != CgroupLayout::v2 ||
      std::ranges::none_of(context.spec.mounts, is_writable_cgroup_mount)) {
    return std::nullopt;
  }
  const auto root = std::ranges::find(namespaces.uid_map, 0U, &oci::IdMapping::container_id);
  return root == namespaces.uid_map.end() ? std::nullopt : std::optional<std::uint32_t>(root->host_id);
}

// A user's container, or one of rootless podman. Limits that nobody asked for are not worth a refusal.
void make_best_effort(const PlanContext& context, CgroupPlan& out) {
  out.best_effort = true;
  if (!context.request.asks_limits) {
    out.on_failure = context.hardened.mode == Mode::passthrough ? Reaction::off : Reaction::warn;
  }
}

}  // namespace

bool asks_limits(const oci::Spec& spec) {
  return spec.linux.resources &&
         !(v1_settings(*spec.linux.resources).empty() && v2_settings(*spec.linux.resources).empty());
}

Status plan_cgroup(PlanContext& context) {
  CgroupPlan& out = context.plan.cgroup;
  const oci::Linux& linux = context.spec.linux;
  const CgroupLayout layout = context.facts.cgroup.layout;
  if (context.request.no_cgroups) {
    return {};
  }
  if (layout == CgroupLayout::none) {
    return context.request.systemd_cgroup ? fail(ErrorCode::kernel, "systemd cgroup driver: no cgroups are mounted")
                                          : Status{};
  }
  out.enabled = true;
  TRY(context.request.systemd_cgroup ? place_in_unit(context, out) : place_in_hierarchy(context, out));
  out.on_failure = context.on(Control::cgroup_limits);
  if (linux.resources) {
    out.settings = layout == CgroupLayout::v2 ? v2_settings(*linux.resources) : v1_settings(*linux.resources);
    out.devices = linux.resources->devices;
  }
  if (context.hardened.mode == Mode::passthrough) {
    out.devices = with_defaults(out.devices);
  }
  // Without root on the host the kernel takes no device rules, and needs none: a user namespace makes no device nodes, and
  // those of the host open only for whom they would open anyway.
  out.device_control = !out.devices.empty() && !is_rootless(context.facts);
  if (is_rootless(context.facts)) {
    make_best_effort(context, out);
  }
  out.owner = cgroup_owner(context);
  bound_children(context, out);
  if (out.unit) {
    describe_unit(out, layout);
  }
  // In clone3 on v2 (CLONE_INTO_CGROUP); on v1 the child moves itself.
  if (layout != CgroupLayout::v2) {
    context.add(JoinCgroup{});
  }
  return {};
}

}  // namespace nucleus::plan
