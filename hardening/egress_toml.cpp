#include "hardening/egress_toml.hpp"

#include <utility>

#include "hardening/egress_intervals.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::size_t kMostEntries = 20000;
constexpr unsigned kMostBound = 4096;      // one Landlock rule each
constexpr std::size_t kMostResolvers = 3;  // MAXNS, resolv.conf(5)

template <class T>
Result<T> placed(Result<T> value, const std::string& place) {
  return value ? std::move(value) : Result<T>(tl::unexpected<Error>(std::move(value).error().with(place)));
}

// "policy web (egress.toml:3)"
std::string origin_at(const std::string& origin, const std::string& place) {
  const auto file = place.substr(place.rfind('/') + 1);
  return origin + " (" + file.substr(0, file.rfind(':')) + ")";
}

Status read_allow(TomlTable& table, const std::string& origin, EgressPolicy& policy) {
  TRY_ASSIGN(const auto texts, table.texts("allow"));
  if (texts.size() > kMostEntries) {
    return fail_at(texts[kMostEntries].place, "allow: more than " + std::to_string(kMostEntries) + " entries");
  }
  policy.allow.reserve(texts.size());
  for (const auto& text : texts) {
    TRY_ASSIGN(auto entry, placed(parse_egress_entry(text.value, origin_at(origin, text.place)), text.place));
    policy.allow.push_back(std::move(entry));
  }
  if (const auto overlap = find_overlap(policy.allow)) {
    const auto index = static_cast<std::size_t>(std::max(overlap->first, overlap->second) - policy.allow.data());
    const auto other = static_cast<std::size_t>(std::min(overlap->first, overlap->second) - policy.allow.data());
    return fail_at(texts[index].place, "allow: \"" + texts[index].value + "\" overlaps with \"" + texts[other].value +
                                           "\" (" + texts[other].place + ")");
  }
  return {};
}

Status read_resolvers(TomlTable& table, EgressPolicy& policy) {
  TRY_ASSIGN(const auto resolvers, table.texts("resolvers"));
  if (resolvers.size() > kMostResolvers) {
    return fail_at(resolvers[kMostResolvers].place, "resolvers: more than " + std::to_string(kMostResolvers));
  }
  for (const auto& text : resolvers) {
    TRY_ASSIGN(const auto address, placed(parse_address(text.value), text.place));
    policy.resolvers.push_back(address);
  }
  TRY_ASSIGN(const auto dns, table.boolean("dns"));
  policy.dns = dns.value_or(false);
  if (policy.dns && policy.resolvers.empty()) {
    return fail_at(table.place(), "dns: opens the servers of `resolvers`, which names none");
  }
  return {};
}

Status read_landlock(TomlTable& table, EgressPolicy& policy) {
  TRY_ASSIGN(const auto ports, table.boolean("landlock_ports"));
  policy.landlock_ports = ports.value_or(false);
  TRY_ASSIGN(const auto bind, table.text("bind"));
  if (bind) {
    TRY_ASSIGN(policy.bind, placed(parse_ports(bind->value), bind->place));
    unsigned count = 0;
    for (const auto& range : *policy.bind) {
      count += range.last - range.first + 1U;
    }
    if (count > kMostBound) {
      return fail_at(bind->place, "bind: more than " + std::to_string(kMostBound) + " ports");
    }
  }
  return {};
}

Status read_broker(TomlTable& table, EgressPolicy& policy) {
  TRY_ASSIGN(const auto variables, table.boolean("proxy_variables"));
  policy.proxy_variables = variables.value_or(true);
  TRY_ASSIGN(const auto broker, table.text("broker"));
  if (!broker) {
    return {};
  }
  if (!policy.allow.empty() || policy.dns || !policy.resolvers.empty()) {
    return fail_at(broker->place, "broker: is the only destination, so allow, resolvers and dns cannot be given");
  }
  TRY_ASSIGN(policy.broker, placed(parse_endpoint(broker->value), broker->place));
  return {};
}

}  // namespace

Result<EgressPolicy> decode_egress_toml(TomlTable table, const std::string& origin) {
  EgressPolicy policy;
  TRY(read_allow(table, origin, policy));
  TRY(read_resolvers(table, policy));
  TRY_ASSIGN(const auto private_names, table.boolean("private_names"));
  policy.private_names = private_names.value_or(false);
  TRY(read_landlock(table, policy));
  TRY(read_broker(table, policy));
  TRY(table.refuse_unknown());
  return policy;
}

}  // namespace nucleus::hardening
