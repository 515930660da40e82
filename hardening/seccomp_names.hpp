// OCI's spellings (config-linux.md "Seccomp") and libseccomp's system call table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardening/seccomp_argset.hpp"
#include "hardening/seccomp_table.hpp"
#include "oci/spec_linux.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

[[nodiscard]] Result<Condition> parse_condition(const oci::SeccompArg& arg);
// The conditions by argument index. Requires expressible(sets).
[[nodiscard]] std::vector<oci::SeccompArg> to_oci(const ArgSets& sets);

// SECCOMP_FILTER_FLAG_* bits of the profile's flags. TSYNC is accepted and left out (see CompiledFilter::flags).
[[nodiscard]] Result<unsigned> parse_flags(const std::vector<std::string>& flags);

// SCMP_ARCH_* token of seccomp_arch_add(3).
[[nodiscard]] Result<std::uint32_t> parse_architecture(std::string_view name);

}  // namespace nucleus::hardening
