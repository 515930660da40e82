// A root file system against its manifest.
#pragma once

#include <functional>
#include <vector>

#include "hardening/attest_compare.hpp"
#include "hardening/attestation.hpp"
#include "oci/spec.hpp"
#include "runtime/base/result.hpp"
#include "runtime/sys/root_attest.hpp"

namespace nucleus::launch {

struct TreeView {
  // Of the user namespace that the caller lives in, when the manifest speaks of the ids outside; empty: as seen. An owner
  // that has no id inside is seen as the overflow id and cannot be told from the one that is mapped there.
  std::vector<oci::IdMapping> uids;
  std::vector<oci::IdMapping> gids;
};

// Every node below `root` (any descriptor of a directory) as a manifest of version 2. With `expected`, files whose
// content cannot be right are not read: they are not listed or have another size. Errors as sys::read_tree.
[[nodiscard]] Result<hardening::Manifest> read_manifest(int root, const hardening::Manifest* expected,
                                                        const TreeView& view = {});

// What differs, nothing when the tree is what the manifest says. An entry of version 1 may lie behind symlinks that stay
// inside the root, as Nucleus lists it.
[[nodiscard]] Result<std::vector<hardening::Difference>> differences(int root, const hardening::Manifest& expected,
                                                                     const TreeView& view = {});

// The same for a launch: any difference is an error (ErrorCode::policy) that names the first ones.
[[nodiscard]] Status attest_root(int root, const hardening::Attestation& attestation, const TreeView& view);

// A copy that was made of an attested tree: all that a copy keeps, which are not owners, extended attributes, nor always
// set-id bits and devices.
[[nodiscard]] Status attest_copy(int root, const hardening::Attestation& attestation);

}  // namespace nucleus::launch
