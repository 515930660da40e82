// linux.sysctl: only what belongs to a namespace that the container has for itself; and ports and ping without
// capabilities where the network is its own.
#include <algorithm>
#include <optional>
#include <utility>

#include "hardening/json_text.hpp"
#include "hardening/namespace_text.hpp"
#include "hardening/namespaced_sysctl.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "sysctls";

Status drop_global(RuleContext& context) {
  auto& sysctl = context.spec.linux.sysctl;
  for (auto it = sysctl.begin(); it != sysctl.end();) {
    if (is_namespaced_sysctl(context.spec, context.facts, it->first)) {
      ++it;
      continue;
    }
    TRY_ASSIGN(const bool granted,
               context.request({kRule, GrantKind::sysctl, it->first, Control::beyond_policy,
                                "/linux/sysctl/" + pointer_token(it->first), json_text(it->second),
                                it->first + " belongs to no namespace of the container: it would change the host"}));
    it = granted ? std::next(it) : sysctl.erase(it);
  }
  return {};
}

void add(RuleContext& context, const std::string& name, const std::string& value, std::string reason) {
  auto& sysctl = context.spec.linux.sysctl;
  const bool set = std::ranges::any_of(sysctl, [&](const auto& entry) { return dotted_sysctl(entry.first) == name; });
  if (!set) {
    sysctl[name] = value;
    context.tightened(kRule, "/linux/sysctl/" + pointer_token(name), "", json_text(value), std::move(reason));
  }
}

// The kernel refuses (EINVAL) group ids that the writer's user namespace does not map. Rootless, the engine's mapping
// is not known here, but it always holds the container's root.
std::optional<std::string> ping_groups(const RuleContext& context) {
  const auto& mappings = context.spec.linux.gid_mappings;
  if (find_namespace(context.spec, "user") == nullptr) {
    return context.facts.in_user_namespace ? "0 0" : "0 2147483647";
  }
  if (mappings.empty()) {
    return std::nullopt;  // a user namespace that is joined: its mapping is not known
  }
  const auto& first = *std::ranges::min_element(mappings, {}, &oci::IdMapping::container_id);
  const std::uint64_t last = std::uint64_t{first.container_id} + first.size - 1;
  return std::to_string(first.container_id) + " " + std::to_string(std::min<std::uint64_t>(last, 2147483647));
}

void open_ports_without_capabilities(RuleContext& context) {
  const oci::Namespace* const network = find_namespace(context.spec, "network");
  const bool nested = find_namespace(context.spec, "user") != nullptr;
  if (shares_host(context.spec, context.facts, "network") || (nested && !network->path.empty())) {
    return;
  }
  add(context, "net.ipv4.ip_unprivileged_port_start", "0",
      "in a network of its own every port is open without CAP_NET_BIND_SERVICE");
  if (const auto groups = ping_groups(context)) {
    add(context, "net.ipv4.ping_group_range", *groups, "ping works without CAP_NET_RAW");
  }
}

}  // namespace

Status harden_sysctls(RuleContext& context) {
  TRY(drop_global(context));
  open_ports_without_capabilities(context);
  return {};
}

}  // namespace nucleus::hardening
