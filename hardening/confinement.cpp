#include "hardening/confinement.hpp"

#include <nlohmann/json.hpp>

#include "hardening/attestation.hpp"

namespace nucleus::hardening {
namespace {

using nlohmann::json;

json landlock_json(const LandlockRuleset& rules) {
  json paths = json::array();
  for (const auto& rule : rules.paths) {
    paths.push_back({{"path", rule.path}, {"access", rule.access}});
  }
  json ports = json::array();
  for (const auto& rule : rules.ports) {
    ports.push_back({{"port", rule.port}, {"access", rule.access}});
  }
  return {{"abi", rules.abi},
          {"ports", std::move(ports)},
          {"handledFs", rules.handled_fs},
          {"handledNet", rules.handled_net},
          {"scoped", rules.scoped},
          {"paths", std::move(paths)}};
}

LandlockRuleset parse_landlock(const json& doc) {
  LandlockRuleset out;
  out.abi = doc.at("abi").get<int>();
  out.handled_fs = doc.at("handledFs").get<std::uint64_t>();
  out.handled_net = doc.at("handledNet").get<std::uint64_t>();
  out.scoped = doc.at("scoped").get<std::uint64_t>();
  for (const auto& rule : doc.at("ports")) {
    out.ports.push_back({rule.at("port").get<std::uint16_t>(), rule.at("access").get<std::uint64_t>()});
  }
  for (const auto& rule : doc.at("paths")) {
    out.paths.push_back({rule.at("path").get<std::string>(), rule.at("access").get<std::uint64_t>()});
  }
  return out;
}

json grants_json(const std::vector<Grant>& grants) {
  json out = json::array();
  for (const auto& grant : grants) {
    out.push_back({{"grant", to_string(grant)}, {"origin", grant.origin}});
  }
  return out;
}

// Without the manifest itself, which is the size of the tree.
json attestation_json(const Attestation& attestation) {
  return {{"manifest", attestation.path},
          {"digest", attestation.digest},
          {"origin", attestation.origin},
          {"pinned", attestation.pinned},
          {"key", attestation.key}};
}

std::shared_ptr<const Attestation> parse_attestation(const json& doc) {
  Attestation out;
  out.path = doc.at("manifest").get<std::string>();
  out.digest = doc.at("digest").get<std::string>();
  out.origin = doc.at("origin").get<std::string>();
  out.pinned = doc.at("pinned").get<bool>();
  out.key = doc.at("key").get<std::string>();
  return std::make_shared<const Attestation>(std::move(out));
}

Result<Confinement> from_json(const json& doc) {
  Confinement out;
  const auto mode = parse_mode(doc.at("mode").get<std::string>());
  if (!mode) {
    return fail(ErrorCode::state, "unknown mode");
  }
  out.mode = *mode;
  out.policy.name = doc.at("policy").get<std::string>();
  out.policy.digest = doc.at("policyDigest").get<std::string>();
  out.policy.keep_bounding = doc.at("keepBounding").get<std::vector<std::string>>();
  out.policy.keep_ambient = doc.at("keepAmbient").get<std::vector<std::string>>();
  for (const auto& entry : doc.at("grants")) {
    TRY_ASSIGN(auto grant, parse_grant(entry.at("grant").get<std::string>(), entry.at("origin").get<std::string>()));
    out.policy.grants.push_back(std::move(grant));
  }
  if (doc.contains("attestation")) {
    out.policy.attestation = parse_attestation(doc.at("attestation"));
  }
  out.landlock = parse_landlock(doc.at("landlock"));
  out.seccomp_flags = doc.at("seccompFlags").get<unsigned>();
  out.ephemeral_root = doc.at("ephemeralRoot").get<bool>();
  out.receipt = {doc.at("receiptKey").get<std::string>(), doc.at("receiptLog").get<std::string>()};
  return out;
}

}  // namespace

std::string to_json(const Confinement& confinement) {
  const Policy& policy = confinement.policy;
  json doc = {{"mode", mode_name(confinement.mode)},
              {"policy", policy.name},
              {"policyDigest", policy.digest},
              {"grants", grants_json(policy.grants)},
              {"keepBounding", policy.keep_bounding},
              {"keepAmbient", policy.keep_ambient},
              {"landlock", landlock_json(confinement.landlock)},
              {"seccompFlags", confinement.seccomp_flags},
              {"ephemeralRoot", confinement.ephemeral_root},
              {"receiptKey", confinement.receipt.key},
              {"receiptLog", confinement.receipt.log}};
  if (policy.attestation) {
    doc["attestation"] = attestation_json(*policy.attestation);
  }
  return doc.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Confinement> parse_confinement(std::string_view text, std::string_view file) {
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
