// egress.toml of a policy set.
#pragma once

#include <string>

#include "hardening/egress_policy.hpp"
#include "hardening/policy_toml.hpp"

namespace nucleus::hardening {

// Keys: allow, resolvers, dns, private_names, landlock_ports, bind, broker, proxy_variables (EgressPolicy says what they
// mean). Entries that allow the same destination twice are an error: one of them is a slip. `origin` names the set.
[[nodiscard]] Result<EgressPolicy> decode_egress_toml(TomlTable table, const std::string& origin);

}  // namespace nucleus::hardening
