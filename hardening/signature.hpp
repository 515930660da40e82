// Ed25519 signatures (RFC 8032) over whole documents, detached: a manifest or receipt stays readable by everything that
// knows nothing of signatures.
//
// Keys are what `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write: PEM (RFC 7468) of PKCS #8 and of
// SubjectPublicKeyInfo (RFC 8410), without a passphrase. Only those exact encodings are taken: the parser sees files
// that decide about trust, and knows 48 and 44 bytes of DER by heart instead of parsing ASN.1.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus::hardening {

struct PublicKey {
  std::array<std::uint8_t, 32> bytes{};
  bool operator==(const PublicKey&) const = default;
};

// The 32 bytes of the seed; wiped when it goes away.
class PrivateKey {
 public:
  explicit PrivateKey(const std::array<std::uint8_t, 32>& seed) noexcept : seed_(seed) {}
  PrivateKey(const PrivateKey&) = delete;
  PrivateKey& operator=(const PrivateKey&) = delete;
  PrivateKey(PrivateKey&& other) noexcept;
  PrivateKey& operator=(PrivateKey&&) = delete;
  ~PrivateKey();

  [[nodiscard]] const std::array<std::uint8_t, 32>& seed() const noexcept { return seed_; }

 private:
  std::array<std::uint8_t, 32> seed_;
};

using Signature = std::array<std::uint8_t, 64>;

// `shown` names the document in errors, ErrorCode::invalid_config; they never quote a key.
[[nodiscard]] Result<PublicKey> parse_public_key(std::string_view pem, std::string_view shown);
[[nodiscard]] Result<PrivateKey> parse_private_key(std::string_view pem, std::string_view shown);

// The files must be as trustworthy as a policy's (policy_files.hpp); a private key must in addition be closed to group
// and others.
[[nodiscard]] Result<PublicKey> read_public_key(const std::string& path);
[[nodiscard]] Result<PrivateKey> read_private_key(const std::string& path);

[[nodiscard]] Result<PublicKey> public_key_of(const PrivateKey& key);

// 64 hex digits: the SHA-256 of the raw public key. Names a key in receipts and messages.
[[nodiscard]] std::string key_id(const PublicKey& key);

[[nodiscard]] Result<Signature> sign(std::string_view bytes, const PrivateKey& key);
// Error (ErrorCode::policy) naming `what` and the key unless `signature` is the key's over exactly `bytes`.
[[nodiscard]] Status check_signature(std::string_view bytes, const Signature& signature, const PublicKey& key,
                                     std::string_view what);

// A detached signature file: the 64 bytes as one line of base64, ended by a newline.
[[nodiscard]] std::string signature_text(const Signature& signature);
[[nodiscard]] Result<Signature> parse_signature(std::string_view text, std::string_view shown);

}  // namespace nucleus::hardening
