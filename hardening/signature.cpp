#include "hardening/signature.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "hardening/base64.hpp"
#include "hardening/digest.hpp"
#include "hardening/policy_files.hpp"

namespace nucleus::hardening {
namespace {

// PrivateKeyInfo, version 0, id-Ed25519, OCTET STRING in OCTET STRING; SubjectPublicKeyInfo, id-Ed25519, BIT STRING.
constexpr std::string_view kPrivateHead("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);
constexpr std::string_view kPublicHead("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// What passed through a string with secrets in it must not stay in freed memory.
class Wiped {
 public:
  explicit Wiped(std::string& text) : text_(text) {}
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { OPENSSL_cleanse(text_.data(), text_.size()); }

 private:
  std::string& text_;
};

// Neither openssl.cnf nor $OPENSSL_CONF loads anything into this process.
void read_no_openssl_configuration() { ::OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr); }

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

tl::unexpected<Error> refuse(std::string_view shown, const std::string& why) {
  return fail(ErrorCode::invalid_config, std::string(shown) + ": " + why);
}

// The base64 text between the two lines of a PEM document, without its line ends; "" when it is not one.
std::string pem_body(std::string_view pem, const std::string& label) {
  const std::string begin = "-----BEGIN " + label + "-----\n";
  const std::string end = "-----END " + label + "-----";
  while (pem.ends_with('\n')) {
    pem.remove_suffix(1);
  }
  if (!pem.starts_with(begin) || !pem.ends_with(end) || pem.size() < begin.size() + end.size()) {
    return "";
  }
  pem.remove_prefix(begin.size());
  pem.remove_suffix(end.size());
  std::string body;
  body.reserve(pem.size());
  std::ranges::copy_if(pem, std::back_inserter(body), [](char c) { return c != '\n'; });
  return body;
}

Result<std::array<std::uint8_t, 32>> parse_key(std::string_view pem, const std::string& label, std::string_view head,
                                               std::string_view shown) {
  std::string body = pem_body(pem, label);
  const Wiped wiped_body(body);
  auto der = from_base64(body);
  std::string none;
  const Wiped wiped_der(der ? *der : none);
  std::array<std::uint8_t, 32> key{};
  if (!der || der->size() != head.size() + key.size() || !der->starts_with(head)) {
    return refuse(shown, "is not an Ed25519 key in PEM (" + label + ") without a passphrase, as openssl " +
                             (label == "PUBLIC KEY" ? "pkey -pubout" : "genpkey -algorithm ed25519") + " writes it");
  }
  std::copy(der->begin() + static_cast<std::ptrdiff_t>(head.size()), der->end(), key.begin());
  return key;
}

Result<std::string> existing(Result<std::optional<std::string>> read, const std::string& path) {
  TRY_ASSIGN(auto bytes, std::move(read));
  if (!bytes) {
    return refuse(path, "there is no such key file");
  }
  return std::move(*bytes);
}

Result<Key> load(const PrivateKey& key) {
  read_no_openssl_configuration();
  Key loaded(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, key.seed().data(), key.seed().size()));
  return loaded ? Result<Key>(std::move(loaded)) : fail(ErrorCode::internal, "libcrypto takes no Ed25519 key");
}

bool verifies(std::string_view bytes, const Signature& signature, const PublicKey& key) {
  read_no_openssl_configuration();
  const Key loaded(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.bytes.data(), key.bytes.size()));
  const Context context(EVP_MD_CTX_new());
  return loaded && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, loaded.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes_of(bytes), bytes.size()) == 1;
}

}  // namespace

PrivateKey::PrivateKey(PrivateKey&& other) noexcept : seed_(other.seed_) {
  OPENSSL_cleanse(other.seed_.data(), other.seed_.size());
}

PrivateKey::~PrivateKey() { OPENSSL_cleanse(seed_.data(), seed_.size()); }

Result<PublicKey> parse_public_key(std::string_view pem, std::string_view shown) {
  TRY_ASSIGN(const auto bytes, parse_key(pem, "PUBLIC KEY", kPublicHead, shown));
  return PublicKey{bytes};
}

Result<PrivateKey> parse_private_key(std::string_view pem, std::string_view shown) {
  TRY_ASSIGN(auto seed, parse_key(pem, "PRIVATE KEY", kPrivateHead, shown));
  PrivateKey key(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  return key;
}

Result<PublicKey> read_public_key(const std::string& path) {
  TRY_ASSIGN(const std::string pem, existing(read_policy_file(AT_FDCWD, path, path), path));
  return parse_public_key(pem, path);
}

Result<PrivateKey> read_private_key(const std::string& path) {
  TRY_ASSIGN(std::string pem, existing(read_secret_file(path), path));
  const Wiped wiped(pem);
  return parse_private_key(pem, path);
}

Result<PublicKey> public_key_of(const PrivateKey& key) {
  TRY_ASSIGN(const Key loaded, load(key));
  PublicKey out;
  std::size_t size = out.bytes.size();
  if (EVP_PKEY_get_raw_public_key(loaded.get(), out.bytes.data(), &size) != 1 || size != out.bytes.size()) {
    return fail(ErrorCode::internal, "libcrypto computes no public key");
  }
  return out;
}

std::string key_id(const PublicKey& key) {
  return to_hex(sha256({reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()}));
}

Result<Signature> sign(std::string_view bytes, const PrivateKey& key) {
  TRY_ASSIGN(const Key loaded, load(key));
  const Context context(EVP_MD_CTX_new());
  Signature signature{};
  std::size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, loaded.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, bytes_of(bytes), bytes.size()) != 1 ||
      size != signature.size()) {
    return fail(ErrorCode::internal, "libcrypto signs nothing");
  }
  return signature;
}

Status check_signature(std::string_view bytes, const Signature& signature, const PublicKey& key,
                       std::string_view what) {
  if (!verifies(bytes, signature, key)) {
    return fail(ErrorCode::policy, std::string(what) + ": not signed by key " + key_id(key));
  }
  return {};
}

std::string signature_text(const Signature& signature) {
  return to_base64({reinterpret_cast<const char*>(signature.data()), signature.size()}) + "\n";
}

Result<Signature> parse_signature(std::string_view text, std::string_view shown) {
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  const auto bytes = from_base64(text);
  Signature signature{};
  if (!bytes || bytes->size() != signature.size()) {
    return refuse(shown, "is not a signature: expected 64 bytes as one line of base64");
  }
  std::ranges::copy(*bytes, signature.begin());
  return signature;
}

}  // namespace nucleus::hardening
