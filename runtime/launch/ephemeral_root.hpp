// Roots that keep nothing: what the container writes goes into memory and ends with it.
#pragma once

#include "hardening/attestation.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::launch {

// `lower` is a mount attached at `target`, in a mount namespace of the caller's own. It is replaced there by an overlay
// above it, or by a copy in memory where overlay is impossible; returns the new mount. A copy is compared with
// the attestation (nullptr for none) once it is where nobody else can change it: attest_copy().
[[nodiscard]] Result<UniqueFd> cover_with_ephemeral(int lower, int target, bool in_user_namespace,
                                                    const hardening::Attestation* attestation);

}  // namespace nucleus::launch
