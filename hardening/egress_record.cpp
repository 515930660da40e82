#include "hardening/egress_record.hpp"

#include <nlohmann/json.hpp>

namespace nucleus::hardening {
namespace {

using nlohmann::json;

std::string endpoint_text(const Endpoint& endpoint) {
  const std::string host = to_string(endpoint.address);
  return (endpoint.address.v6 ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port);
}

json policy_json(const EgressPolicy& policy) {
  json allow = json::array();
  for (const auto& entry : policy.allow) {
    allow.push_back({{"entry", entry.text}, {"origin", entry.origin}});
  }
  json resolvers = json::array();
  for (const auto& resolver : policy.resolvers) {
    resolvers.push_back(to_string(resolver));
  }
  return {{"allow", std::move(allow)},
          {"resolvers", std::move(resolvers)},
          {"dns", policy.dns},
          {"privateNames", policy.private_names},
          {"landlockPorts", policy.landlock_ports},
          {"bind", policy.bind ? json(to_string(*policy.bind)) : json()},
          {"broker", policy.broker ? json(endpoint_text(*policy.broker)) : json()},
          {"proxyVariables", policy.proxy_variables}};
}

Result<EgressPolicy> parse_policy(const json& doc) {
  EgressPolicy out;
  for (const auto& item : doc.at("allow")) {
    TRY_ASSIGN(auto entry,
               parse_egress_entry(item.at("entry").get<std::string>(), item.at("origin").get<std::string>()));
    out.allow.push_back(std::move(entry));
  }
  for (const auto& item : doc.at("resolvers")) {
    TRY_ASSIGN(const auto address, parse_address(item.get<std::string>()));
    out.resolvers.push_back(address);
  }
  out.dns = doc.at("dns").get<bool>();
  out.private_names = doc.at("privateNames").get<bool>();
  out.landlock_ports = doc.at("landlockPorts").get<bool>();
  if (!doc.at("bind").is_null()) {
    TRY_ASSIGN(out.bind, parse_ports(doc.at("bind").get<std::string>()));
  }
  if (!doc.at("broker").is_null()) {
    TRY_ASSIGN(out.broker, parse_endpoint(doc.at("broker").get<std::string>()));
  }
  out.proxy_variables = doc.at("proxyVariables").get<bool>();
  return out;
}

Result<EgressRecord> from_json(const json& doc) {
  EgressRecord out;
  TRY_ASSIGN(out.policy, parse_policy(doc.at("policy")));
  out.id = doc.at("id").get<std::string>();
  out.origin = doc.at("origin").get<std::string>();
  out.inbound = doc.at("inbound").get<bool>();
  out.dns_port = doc.at("dnsPort").get<std::uint16_t>();
  out.follower = doc.at("follower").get<int>();
  out.follower_start_time = doc.at("followerStartTime").get<std::uint64_t>();
  if (const auto& cgroup = doc.at("cgroup"); !cgroup.is_null()) {
    out.cgroup = EgressCgroup{cgroup.at("id").get<std::uint64_t>(), cgroup.at("level").get<std::uint32_t>()};
  }
  return out;
}

}  // namespace

nft::Table compile_egress(const EgressRecord& record) {
  nft::Table table = compile_egress(record.policy, {record.id, record.origin, record.inbound, record.dns_port});
  if (record.cgroup) {
    confine_to_cgroup(table, record.cgroup->id, record.cgroup->level);
  }
  return table;
}

std::string to_json(const EgressRecord& record) {
  json cgroup;
  if (record.cgroup) {
    cgroup = {{"id", record.cgroup->id}, {"level", record.cgroup->level}};
  }
  const json doc = {{"policy", policy_json(record.policy)},
                    {"id", record.id},
                    {"origin", record.origin},
                    {"inbound", record.inbound},
                    {"dnsPort", record.dns_port},
                    {"cgroup", std::move(cgroup)},
                    {"follower", record.follower},
                    {"followerStartTime", record.follower_start_time}};
  return doc.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<EgressRecord> parse_egress_record(std::string_view text, std::string_view file) {
  try {
    auto parsed = from_json(json::parse(text));
    if (!parsed) {
      return tl::unexpected<Error>(std::move(parsed).error().with(file));
    }
    return parsed;
  } catch (const json::exception& error) {
    return fail(ErrorCode::state, std::string(file) + ": damaged: " + error.what());
  }
}

}  // namespace nucleus::hardening
