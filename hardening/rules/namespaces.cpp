// Every namespace of its own. A config without a pid, network or ipc namespace asks for the host's (that is how
// engines express it); the others were merely left out.
#include <array>
#include <utility>

#include "hardening/json_text.hpp"
#include "hardening/namespace_text.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "namespaces";

struct HostRequest {
  std::string_view type;
  GrantKind grant;
  std::string_view opens;
};

constexpr std::array kHostRequests = {
    HostRequest{"pid", GrantKind::host_pid, "the container would see and signal the host's processes"},
    HostRequest{"network", GrantKind::host_network, "the container would use the host's network without any filter"},
    HostRequest{"ipc", GrantKind::host_ipc, "the container would share the host's System V and POSIX IPC objects"},
};

std::string entry_path(const RuleContext& context, const oci::Namespace& entry) {
  return "/linux/namespaces/" + std::to_string(&entry - context.spec.linux.namespaces.data());
}

void add(RuleContext& context, std::string_view type, std::string reason) {
  auto& namespaces = context.spec.linux.namespaces;
  namespaces.push_back({std::string(type), "", {}});
  context.tightened(kRule, entry_path(context, namespaces.back()), "", json_text(namespaces.back()), std::move(reason));
}

void detach(RuleContext& context, oci::Namespace& entry, std::string reason) {
  const std::string before = json_text(entry);
  entry.path.clear();
  context.tightened(kRule, entry_path(context, entry), before, json_text(entry), std::move(reason));
}

oci::Namespace* find(RuleContext& context, std::string_view type) {
  return const_cast<oci::Namespace*>(find_namespace(context.spec, type));
}

Status refuse_host(RuleContext& context, const HostRequest& row) {
  oci::Namespace* const entry = find(context, row.type);
  if (entry != nullptr && !leads_to_host(*entry, context.facts)) {
    return {};
  }
  const bool absent = entry == nullptr;
  const std::string how = absent ? "linux.namespaces has no \"" + std::string(row.type) + "\""
                                 : entry->path + " is, or cannot be told from, the host's namespace";
  TRY_ASSIGN(const bool granted,
             context.request({kRule, row.grant, "", Control::host_namespace,
                              absent ? "/linux/namespaces" : entry_path(context, *entry),
                              absent ? "" : json_text(*entry), how + ": " + std::string(row.opens)}));
  if (granted) {
    return {};
  }
  if (absent) {
    add(context, row.type, "a namespace of its own instead of the host's");
  } else {
    detach(context, *entry, "a namespace of its own instead of the host's");
  }
  return {};
}

void complete(RuleContext& context, std::string_view type) {
  oci::Namespace* const entry = find(context, type);
  if (entry == nullptr) {
    add(context, type, "left out by the config; every container gets one of its own");
  } else if (leads_to_host(*entry, context.facts)) {
    detach(context, *entry, "a namespace of its own instead of the host's");
  }
}

// Set-up would put the container's root over the root of whoever lives there.
Status refuse_foreign_mounts(RuleContext& context) {
  oci::Namespace* const entry = find(context, "mount");
  if (entry == nullptr || entry->path.empty()) {
    return {};
  }
  const std::string reason = "linux.namespaces: setting up a container in the mount namespace " + entry->path +
                             " would take its mounts away from the processes there";
  TRY(context.require(Control::beyond_policy, kRule, reason));
  const std::string before = json_text(*entry);
  entry->path.clear();
  context.dropped(kRule, entry_path(context, *entry), before, json_text(*entry), reason);
  return {};
}

// The runtime may itself run in a user namespace that the engine made for this container (rootless).
Status require_user_namespace(const RuleContext& context) {
  if (find_namespace(context.spec, "user") != nullptr || context.facts.in_user_namespace) {
    return {};
  }
  return context.require(Control::user_namespace, kRule,
                         "linux.namespaces has no \"user\": the container's root would be the host's root");
}

}  // namespace

Status harden_namespaces(RuleContext& context) {
  for (const auto& row : kHostRequests) {
    TRY(refuse_host(context, row));
  }
  for (const std::string_view type : {"mount", "uts", "cgroup"}) {
    complete(context, type);
  }
  TRY(refuse_foreign_mounts(context));
  if (context.facts.time_namespaces) {
    complete(context, "time");
  }
  return require_user_namespace(context);
}

}  // namespace nucleus::hardening
