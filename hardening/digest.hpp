// SHA-256 and the pins that name content by it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus::hardening {

using Sha256 = std::array<std::uint8_t, 32>;

[[nodiscard]] Sha256 sha256(std::string_view bytes);

// The same for bytes that come in pieces. finish() makes it ready for the next document.
class Sha256Stream {
 public:
  Sha256Stream() noexcept;
  void update(std::string_view bytes) noexcept;
  [[nodiscard]] Sha256 finish() noexcept;

 private:
  alignas(8) std::array<std::byte, 112> state_{};  // OpenSSL's SHA256_CTX
};

// 64 lower-case hex digits.
[[nodiscard]] std::string to_hex(const Sha256& digest);
// Exactly 64 hex digits of either case.
[[nodiscard]] Result<Sha256> parse_sha256(std::string_view hex);

// "PATH@sha256:HEX" or "NAME@sha256:HEX"; the last "@sha256:" counts, so a path may hold one.
struct Pin {
  std::string target;
  Sha256 digest{};
  bool operator==(const Pin&) const = default;
};
// True if `text` has a pin's form, even one with a broken digest: what must not pass as a plain name.
[[nodiscard]] bool is_pinned(std::string_view text);
[[nodiscard]] Result<Pin> parse_pin(std::string_view text);
[[nodiscard]] std::string to_string(const Pin& pin);

// Error (ErrorCode::policy) naming `what` and both digests unless `bytes` have the digest.
[[nodiscard]] Status check_digest(std::string_view bytes, const Sha256& expected, std::string_view what);

}  // namespace nucleus::hardening
