// Egress: what the policy allows of the network, for the table that the launcher installs. Nothing in config.json says
// such a thing, so only the broker's proxy variables change it.
#include <algorithm>
#include <array>
#include <utility>

#include "hardening/json_text.hpp"
#include "hardening/namespace_text.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "egress";
constexpr std::size_t kMostResolvers = 3;  // MAXNS, resolv.conf(5)
// They would lead past the broker, which is to say nowhere.
constexpr std::array<std::string_view, 4> kOtherProxyVariables = {"NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"};
constexpr std::array<std::string_view, 4> kProxyVariables = {"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"};

bool on_loopback(const Address& address) {
  AddressBytes loopback6{};
  loopback6[15] = 1;
  return address.v6 ? address.bytes == loopback6 || address.bytes == AddressBytes{}
                    : address.bytes[0] == 127 || address.bytes[0] == 0;
}

std::vector<Address> usable_resolvers(const std::vector<std::string>& nameservers) {
  std::vector<Address> out;
  for (const auto& text : nameservers) {
    const auto address = parse_address(text);
    if (address && !on_loopback(*address) && out.size() < kMostResolvers) {
      out.push_back(*address);
    }
  }
  return out;
}

Result<EgressPolicy> with_grants(const Policy& policy) {
  EgressPolicy egress = policy.egress;
  for (const auto& grant : policy.grants) {
    if (grant.kind != GrantKind::egress) {
      continue;
    }
    if (egress.broker) {
      return fail(ErrorCode::policy, "egress: the broker of policy " + policy.name +
                                         " is the only destination; grant " + to_string(grant) + " contradicts it");
    }
    TRY_ASSIGN(auto entry, parse_egress_entry(grant.value, grant.origin));
    egress.allow.push_back(std::move(entry));
  }
  return egress;
}

bool holds(const RuleContext& context, const char* name) {
  const auto& capabilities = context.spec.process ? context.spec.process->capabilities : std::nullopt;
  return capabilities && std::ranges::count(capabilities->bounding, name) != 0;
}

// A name is followed by asking for it; only what the policy or the host name as a resolver is asked: what is
// mounted on the container's /etc/resolv.conf, the workload may have written.
Status complete_resolvers(const RuleContext& context, EgressPolicy& egress) {
  if (!egress.has_names()) {
    return {};
  }
  if (egress.resolvers.empty()) {
    egress.resolvers = usable_resolvers(context.facts.nameservers);
  }
  if (egress.resolvers.empty()) {
    return fail(
        ErrorCode::policy,
        "egress: names are allowed, but there is no resolver to ask: give `resolvers` in egress.toml (the host's own, "
        "if any, are on loopback)");
  }
  if (egress.dns) {
    return fail(ErrorCode::policy,
                "egress: `dns` opens the resolvers to everything, names are followed to close them: "
                "one of the two");
  }
  if (holds(context, "CAP_NET_RAW") || holds(context, "CAP_NET_ADMIN")) {
    return fail(ErrorCode::policy,
                "egress: names cannot be followed for a container with CAP_NET_RAW or CAP_NET_ADMIN: it "
                "could speak for the process that follows them");
  }
  return {};
}

void add_proxy_variables(RuleContext& context, const Endpoint& broker) {
  const std::string host = to_string(broker.address);
  const std::string url = "http://" + (broker.address.v6 ? "[" + host + "]" : host) + ":" + std::to_string(broker.port);
  auto& env = context.spec.process->env;
  const auto before = env;
  for (const auto name : kOtherProxyVariables) {
    std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(std::string(name) + "="); });
  }
  for (const auto name : kProxyVariables) {
    const std::string key = std::string(name) + "=";
    std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(key); });
    env.push_back(key + url);
  }
  if (env != before) {  // values of variables may be secrets: only the names of ours are told
    context.tightened(kRule, "/process/env", "", json_text(url), "the broker is the only way out",
                      context.policy_origin());
  }
}

std::string summary(const EgressPolicy& egress) {
  if (egress.broker) {
    return "denied except to the broker " + to_string(egress.broker->address) + " port " +
           std::to_string(egress.broker->port);
  }
  if (egress.allow.empty() && !egress.dns) {
    return "everything is denied";
  }
  return "denied except what is listed";
}

void describe(RuleContext& context, const EgressPolicy& egress) {
  context.note(kRule, "", summary(egress));
  constexpr std::size_t kMostShown = 20;
  for (std::size_t i = 0; i < std::min(egress.allow.size(), kMostShown); ++i) {
    context.note(kRule, "", "allowed: " + egress.allow[i].text + " (" + egress.allow[i].origin + ")");
  }
  if (egress.allow.size() > kMostShown) {
    context.note(kRule, "", "and " + std::to_string(egress.allow.size() - kMostShown) + " more");
  }
  if (egress.dns) {
    context.note(kRule, "", "DNS is open to the resolvers: whatever they pass on can leave in queries");
  }
}

// AF_PACKET and raw sockets send past the table's hook.
void warn_of_capabilities(RuleContext& context) {
  if (holds(context, "CAP_NET_RAW")) {
    context.note(kRule, "/process/capabilities",
                 "CAP_NET_RAW: packet sockets, where seccomp allows them, are not filtered");
  }
  if (holds(context, "CAP_NET_ADMIN")) {
    context.note(kRule, "/process/capabilities", "CAP_NET_ADMIN: the container can take its egress rules away");
  }
}

}  // namespace

Status harden_egress(RuleContext& context, std::optional<EgressPolicy>& out) {
  TRY_ASSIGN(EgressPolicy egress, with_grants(context.policy));
  if (shares_host(context.spec, context.facts, "network")) {
    context.note(kRule, "", "the network namespace is the host's: no rules are installed");
  } else {
    TRY(complete_resolvers(context, egress));
    describe(context, egress);
    warn_of_capabilities(context);
  }
  if (egress.broker && egress.proxy_variables && context.spec.process) {
    add_proxy_variables(context, *egress.broker);
  }
  out = std::move(egress);
  return {};
}

}  // namespace nucleus::hardening
