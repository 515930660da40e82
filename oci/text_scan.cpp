#include "oci/text_scan.hpp"

#include <charconv>
#include <cstdint>

namespace nucleus::oci {
namespace {

constexpr unsigned char byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

bool continues(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() - at < count + 1) {
    return false;
  }
  for (std::size_t i = 1; i <= count; ++i) {
    if ((byte_at(text, at + i) & 0xc0U) != 0x80U) {
      return false;
    }
  }
  return true;
}

// Length of the well-formed multi-byte sequence at `at`, or 0 (RFC 3629 section 4).
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const unsigned lead = byte_at(text, at);
  const unsigned second = at + 1 < text.size() ? byte_at(text, at + 1) : 0;
  if (lead >= 0xc2 && lead <= 0xdf) {
    return continues(text, at, 1) ? 2 : 0;
  }
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool overlong = lead == 0xe0 && second < 0xa0;
    const bool surrogate = lead == 0xed && second > 0x9f;
    return !overlong && !surrogate && continues(text, at, 2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool overlong = lead == 0xf0 && second < 0x90;
    const bool beyond = lead == 0xf4 && second > 0x8f;
    return !overlong && !beyond && continues(text, at, 3) ? 4 : 0;
  }
  return 0;
}

// The code unit of `\uXXXX` at `at`, if that is what stands there.
std::optional<std::uint32_t> unicode_escape(std::string_view text, std::size_t at) {
  if (text.size() - at < 6 || text[at] != '\\' || text[at + 1] != 'u') {
    return std::nullopt;
  }
  std::uint32_t unit = 0;
  const char* const begin = text.data() + at + 2;
  const auto [end, error] = std::from_chars(begin, begin + 4, unit, 16);
  return error == std::errc{} && end == begin + 4 ? std::optional(unit) : std::nullopt;
}

struct Escape {
  std::size_t length = 0;
  std::string_view fault;  // empty when good
};

// A malformed escape is left to the lexer, which says so better.
Escape scan_escape(std::string_view text, std::size_t at) {
  const auto unit = unicode_escape(text, at);
  if (!unit) {
    return {2, {}};
  }
  if (*unit == 0) {
    return {6, "NUL in a string"};
  }
  if (*unit >= 0xdc00 && *unit <= 0xdfff) {
    return {6, "unpaired surrogate in a string"};
  }
  if (*unit < 0xd800 || *unit > 0xdfff) {
    return {6, {}};
  }
  const auto low = text.size() - at >= 12 ? unicode_escape(text, at + 6) : std::nullopt;
  const bool paired = low && *low >= 0xdc00 && *low <= 0xdfff;
  return {12, paired ? std::string_view{} : "unpaired surrogate in a string"};
}

constexpr bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '\\'; }
constexpr bool is_space(unsigned char c) { return c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

std::optional<TextFault> scan_json_text(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const unsigned char c = byte_at(text, at);
    if (is_plain(c) || is_space(c)) {
      ++at;
    } else if (c == '\\') {
      const Escape escape = scan_escape(text, at);
      if (!escape.fault.empty()) {
        return TextFault{at, escape.fault};
      }
      at += escape.length;
    } else if (c < 0x20) {
      return TextFault{at, c == 0 ? "NUL byte" : "control character"};
    } else {
      const std::size_t length = sequence_length(text, at);
      if (length == 0) {
        return TextFault{at, "invalid UTF-8"};
      }
      at += length;
    }
  }
  return std::nullopt;
}

bool is_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = byte_at(text, at) < 0x80 ? 1 : sequence_length(text, at);
    if (length == 0) {
      return false;
    }
    at += length;
  }
  return true;
}

}  // namespace nucleus::oci
