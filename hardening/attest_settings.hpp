// What nucleus.toml and policy.toml say about the attestation of root file systems.
#pragma once

#include <string>

namespace nucleus::hardening {

// [attestation]. Who writes those files decides what runs, so a digest or a key there makes a manifest trusted.
struct AttestationSettings {
  std::string manifest;   // absolute path, FILE or FILE@sha256:HEX; "" for none
  std::string key;        // absolute path of an Ed25519 public key; "" for none
  bool required = false;  // in every mode but passthrough
  std::string origin;     // "host configuration", "policy web"
};

}  // namespace nucleus::hardening
