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

// A name is followed by asking for it; only what policy or engine name as a resolver is asked, never what an image says.
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
        "egress: names are allowed, but there is no resolver to ask: give `resolvers` in egress.toml, or let the "
        "engine mount an /etc/resolv.conf whose nameserver is not on loopback");
  }
  return {};
}

void add_proxy_variables(RuleContext& context, const Endpoint& broker) {
  const std::string host = to_string(broker.address);
  const std::string url = "http://" + (broker.address.v6 ? "[" + host + "]" : host) + ":" + std::to_string(broker.port);
  auto& env = context.spec.process->env;
  const auto before = env;
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
void warn_of_raw_sockets(RuleContext& context) {
  const auto& capabilities = context.spec.process->capabilities;
  if (capabilities && std::ranges::count(capabilities->bounding, "CAP_NET_RAW") != 0) {
    context.note(kRule, "/process/capabilities",
                 "CAP_NET_RAW: packet sockets, where seccomp allows them, are not filtered");
  }
}

}  // namespace

Status harden_egress(RuleContext& context, std::optional<EgressPolicy>& out) {
  TRY_ASSIGN(EgressPolicy egress, with_grants(context.policy));
  TRY(complete_resolvers(context, egress));
  if (shares_host(context.spec, context.facts, "network")) {
    const bool asked = !egress.allow.empty() || egress.broker || egress.dns;
    context.note(kRule, "",
                 std::string("the network namespace is the host's: nothing is filtered") +
                     (asked ? ", but Landlock holds TCP to the allowed ports" : ""));
  } else {
    describe(context, egress);
    warn_of_raw_sockets(context);
  }
  if (egress.broker && egress.proxy_variables && context.spec.process) {
    add_proxy_variables(context, *egress.broker);
  }
  out = std::move(egress);
  return {};
}

}  // namespace nucleus::hardening
