#include "runtime/launch/ephemeral_root.hpp"

#include <fcntl.h>

#include "runtime/base/io.hpp"
#include "runtime/launch/attest.hpp"
#include "runtime/sys/mount.hpp"
#include "runtime/sys/overlay.hpp"
#include "runtime/sys/tree_copy.hpp"

namespace nucleus::launch {
namespace {

// Where overlay cannot be mounted (a lower file system that does not allow it, old kernels in user namespaces).
Result<UniqueFd> copied_root(int lower, const hardening::Attestation* attestation) {
  sys::NewFilesystem memory;
  memory.type = "tmpfs";
  memory.source = "tmpfs";
  TRY_ASSIGN(UniqueFd copy, sys::make_filesystem(memory));
  TRY_ASSIGN(const UniqueFd source, open_at(lower, ".", O_RDONLY | O_DIRECTORY));
  TRY(sys::copy_tree(source.get(), copy.get()));
  if (attestation != nullptr) {
    TRY(attest_copy(copy.get(), *attestation));
  }
  return copy;
}

}  // namespace

Result<UniqueFd> cover_with_ephemeral(int lower, int target, bool in_user_namespace,
                                      const hardening::Attestation* attestation) {
  sys::OverlayOptions options;
  options.in_user_namespace = in_user_namespace;
  auto made = sys::make_overlay(lower, options);
  if (!made) {
    made = copied_root(lower, attestation);
  }
  TRY_ASSIGN(UniqueFd upper, std::move(made));
  TRY(sys::detach(lower));  // overlay keeps its own reference; the directory itself is not to be found again
  TRY(sys::attach(upper.get(), target));
  return upper;
}

}  // namespace nucleus::launch
