#include "hardening/digest.hpp"

// The first EVP call loads providers and costs 0.8 ms, more than everything else a start does with a digest.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <new>
#include <optional>

namespace nucleus::hardening {
namespace {

constexpr std::string_view kMark = "@sha256:";
constexpr std::string_view kDigits = "0123456789abcdef";

std::optional<std::uint8_t> nibble(char digit) {
  if (digit >= 'A' && digit <= 'F') {
    digit = static_cast<char>(digit - 'A' + 'a');
  }
  const std::size_t at = kDigits.find(digit);
  return at == std::string_view::npos ? std::nullopt : std::optional(static_cast<std::uint8_t>(at));
}

SHA256_CTX* context_in(std::byte* state) { return std::launder(reinterpret_cast<SHA256_CTX*>(state)); }

}  // namespace

Sha256Stream::Sha256Stream() noexcept {
  static_assert(sizeof(SHA256_CTX) <= sizeof(state_) && alignof(SHA256_CTX) <= 8);
  SHA256_Init(new (state_.data()) SHA256_CTX);
}

void Sha256Stream::update(std::string_view bytes) noexcept {
  SHA256_Update(context_in(state_.data()), bytes.data(), bytes.size());
}

Sha256 Sha256Stream::finish() noexcept {
  Sha256 digest;
  SHA256_Final(digest.data(), context_in(state_.data()));
  SHA256_Init(context_in(state_.data()));
  return digest;
}

Sha256 sha256(std::string_view bytes) {
  Sha256Stream stream;
  stream.update(bytes);
  return stream.finish();
}

std::string to_hex(const Sha256& digest) {
  std::string hex;
  hex.reserve(2 * digest.size());
  for (const std::uint8_t byte : digest) {
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 0xFU];
  }
  return hex;
}

Result<Sha256> parse_sha256(std::string_view hex) {
  Sha256 digest;
  bool valid = hex.size() == 2 * digest.size();
  for (std::size_t i = 0; valid && i < digest.size(); ++i) {
    const auto upper = nibble(hex[2 * i]);
    const auto lower = nibble(hex[2 * i + 1]);
    valid = upper && lower;
    digest[i] = static_cast<std::uint8_t>(upper.value_or(0) << 4U | lower.value_or(0));
  }
  if (!valid) {
    return fail(ErrorCode::invalid_config,
                "\"" + std::string(hex) + "\" is not a SHA-256 digest of 64 hexadecimal digits");
  }
  return digest;
}

bool is_pinned(std::string_view text) { return text.rfind(kMark) != std::string_view::npos; }

Result<Pin> parse_pin(std::string_view text) {
  const std::size_t mark = text.rfind(kMark);
  if (mark == std::string_view::npos || mark == 0) {
    return fail(ErrorCode::invalid_config, "\"" + std::string(text) + "\" is not of the form NAME@sha256:HEX");
  }
  Pin pin;
  pin.target = text.substr(0, mark);
  TRY_ASSIGN(pin.digest, parse_sha256(text.substr(mark + kMark.size())));
  return pin;
}

std::string to_string(const Pin& pin) { return pin.target + std::string(kMark) + to_hex(pin.digest); }

Status check_digest(std::string_view bytes, const Sha256& expected, std::string_view what) {
  const Sha256 actual = sha256(bytes);
  if (actual != expected) {
    return fail(ErrorCode::policy,
                std::string(what) + ": SHA-256 is " + to_hex(actual) + ", pinned is " + to_hex(expected));
  }
  return {};
}

}  // namespace nucleus::hardening
