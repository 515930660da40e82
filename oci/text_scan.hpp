// What no lexer in use checks in full: UTF-8 well-formedness, control bytes, NUL and surrogates written as escapes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace nucleus::oci {

struct TextFault {
  std::size_t offset = 0;  // in bytes
  std::string_view what;   // static storage
};

// The first fault of a JSON text, looking at bytes and escapes only, not at structure.
[[nodiscard]] std::optional<TextFault> scan_json_text(std::string_view text);

// True for well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace nucleus::oci
