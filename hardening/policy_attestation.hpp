// The table [attestation], the same in nucleus.toml and policy.toml.
#pragma once

#include "hardening/attest_settings.hpp"
#include "hardening/policy_toml.hpp"

namespace nucleus::hardening {

// Absent: nothing is asked for.
[[nodiscard]] Result<AttestationSettings> read_attestation(TomlTable& document, std::string origin);

}  // namespace nucleus::hardening
