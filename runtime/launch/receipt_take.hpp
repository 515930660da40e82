// Receipts as the kernel is read.
#pragma once

#include "hardening/confinement.hpp"
#include "oci/spec.hpp"
#include "runtime/base/result.hpp"
#include "runtime/launch/container.hpp"
#include "runtime/state/receipt.hpp"

namespace nucleus::launch {

// Reads the kernel back for the container's init and compares with what was planned. `traced`: init is stopped between
// its execve and its first instruction, by us.
[[nodiscard]] Result<state::Receipt> take_receipt(const Container& container, const hardening::Confinement& confinement,
                                                  bool traced);

[[nodiscard]] Result<hardening::Confinement> load_confinement(const state::Directory& directory);
[[nodiscard]] Result<oci::Spec> load_executed_spec(const state::Directory& directory);
// What an update left, else what the container was created with.
[[nodiscard]] Result<oci::Resources> limits_in_force(const state::Directory& directory, const oci::Spec& executed);

}  // namespace nucleus::launch
