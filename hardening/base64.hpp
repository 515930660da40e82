// Base64 with padding (RFC 4648 section 4), as PEM files and detached signatures have it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nucleus::hardening {

[[nodiscard]] std::string to_base64(std::string_view bytes);

// Strict: only the 64 characters and the padding the length demands, no white space, no bits left over. So every text
// has one meaning and every meaning one text.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace nucleus::hardening
