// Which manifest a root file system has to match, and who vouches for it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "hardening/attest_manifest.hpp"
#include "hardening/attest_settings.hpp"
#include "hardening/modes.hpp"
#include "hardening/signature.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

// What the root is compared with.
struct Attestation {
  Manifest manifest;
  std::string path;     // of the file, as it was named or found
  std::string digest;   // hex SHA-256 of the file
  std::string origin;   // who named it: "command line", "bundle" ...
  bool pinned = false;  // by somebody who may decide
  std::string key;      // id of the host's key that signed it, "" for none

  // Neither whoever can change the root nor whoever starts the container chose what it holds.
  [[nodiscard]] bool trusted() const { return pinned || !key.empty(); }
};

struct AttestationRequest {
  Mode mode = Mode::agent;
  std::string command_line;             // --attest FILE[@sha256:HEX]; "" when not given
  std::string annotation;               // io.nucleus.attest, the same and absolute; "" when not given
  bool annotations_may_choose = false;  // the host trusts annotations, so a digest in one makes a manifest trusted
  AttestationSettings host;
  AttestationSettings policy;
  std::string bundle;  // absolute path
  std::string rootfs;  // absolute path
};

// nullptr when nobody asks for attestation. The first of these that there is, decides:
//   the command line; the host's configuration; the policy set; the annotation; a manifest in the bundle's directory
//   (.nucleus-manifest, then .nucleus-rootfs-sha256); the same at the top of the root, where an image could put what it
//   likes, only with a signature of the configured key.
// An annotation may ask for attestation, not choose another manifest than the command line, host or policy do. Mode
// passthrough looks at the command line alone. The host's key goes before the policy's; where there is one, a manifest
// without a pin must be signed by it (FILE.sig), and one with a signature must have the right one.
// Errors (ErrorCode::policy, invalid_config): a wrong pin or signature, a manifest that cannot be read, is not
// trustworthy as a file (policy_files.hpp) or is broken; none at all where `required`.
[[nodiscard]] Result<std::shared_ptr<const Attestation>> find_attestation(const AttestationRequest& request);

// The bytes of FILE[@sha256:HEX] as a manifest with its digest; `key`, if any, must have signed them unless they are
// pinned. For `attest verify` and the function above.
[[nodiscard]] Result<Attestation> load_attestation(const std::string& named, const std::optional<PublicKey>& key);

// "FILE (sha256:HEX, pinned by the command line)": for notes, errors and receipts.
[[nodiscard]] std::string describe(const Attestation& attestation);

}  // namespace nucleus::hardening
