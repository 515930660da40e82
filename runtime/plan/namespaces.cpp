#include <algorithm>
#include <array>

#include "runtime/plan/parts.hpp"

namespace nucleus::plan {
namespace {

using hardening::Reaction;

// The user namespace first: it owns what the others need permission for.
constexpr std::array<std::string_view, 8> kJoinOrder = {"user",    "cgroup", "ipc",  "uts",
                                                        "network", "pid",    "time", "mount"};

const oci::Namespace* find(const oci::Spec& spec, std::string_view type) {
  const auto& all = spec.linux.namespaces;
  const auto hit = std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.type == type; });
  return hit == all.end() ? nullptr : &*hit;
}

// On v1 the cgroup namespace is made after the child has joined its cgroups; made by clone3 it would be rooted at the
// launcher's cgroup and show the host's path.
bool needs_late_cgroup_namespace(const PlanContext& context) {
  return context.facts.cgroup.layout != CgroupLayout::v2 || context.request.no_cgroups;
}

Status plan_namespace(PlanContext& context, const oci::Namespace& entry) {
  NamespacePlan& out = context.plan.namespaces;
  if (!entry.path.empty()) {
    out.join.push_back({entry.type, entry.path});
    if (entry.type != "pid") {  // the parent enters it; only children are born there
      context.add(JoinNamespace{entry.type, entry.path});
    }
    return {};
  }
  if (entry.type == "cgroup" && needs_late_cgroup_namespace(context)) {
    context.add(UnshareCgroup{});
    return {};
  }
  if (entry.type == "time" && !context.facts.time_namespaces) {
    return fail(ErrorCode::invalid_config, "linux.namespaces: this kernel has no time namespaces");
  }
  out.create.push_back(entry.type);
  return {};
}

}  // namespace

bool NamespacePlan::creates(std::string_view type) const {
  return std::find(create.begin(), create.end(), type) != create.end();
}

bool NamespacePlan::joins(std::string_view type) const {
  return std::any_of(join.begin(), join.end(), [&](const auto& entry) { return entry.type == type; });
}

Status plan_namespaces(PlanContext& context) {
  const oci::Spec& spec = context.spec;
  for (const std::string_view type : kJoinOrder) {
    if (const oci::Namespace* entry = find(spec, type)) {
      TRY(plan_namespace(context, *entry));
    }
  }
  NamespacePlan& out = context.plan.namespaces;
  if (find(spec, "mount") == nullptr) {
    return fail(ErrorCode::invalid_config, "linux.namespaces: a mount namespace is needed");
  }
  out.uid_map = spec.linux.uid_mappings;
  out.gid_map = spec.linux.gid_mappings;
  out.time_offsets = spec.linux.time_offsets;
  if (out.creates("user") || out.joins("user")) {
    context.add(BecomeNamespaceRoot{});
  }
  if (!context.request.no_new_keyring) {
    context.add(NewSessionKeyring{"_ses." + context.request.id}, Reaction::warn);
  }
  if (find(spec, "uts") == nullptr && !(spec.hostname.empty() && spec.domainname.empty())) {
    return fail(ErrorCode::invalid_config, "unable to set hostname without a private UTS namespace");
  }
  if (!spec.hostname.empty()) {
    context.add(SetHostname{spec.hostname});
  }
  if (!spec.domainname.empty()) {
    context.add(SetDomainname{spec.domainname});
  }
  if (out.creates("network")) {
    context.add(LoopbackUp{});
  }
  return {};
}

}  // namespace nucleus::plan
