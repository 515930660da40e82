#include "oci/quote.hpp"

#include <algorithm>

#include "oci/text_scan.hpp"

namespace nucleus::oci {
namespace {

constexpr std::size_t kLongest = 80;
constexpr std::string_view kHex = "0123456789abcdef";

// The first `kLongest` bytes, not splitting a UTF-8 sequence.
std::string_view shorten(std::string_view text) {
  std::size_t size = std::min(text.size(), kLongest);
  while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U) {
    --size;
  }
  return text.substr(0, size);
}

}  // namespace

std::string quote(std::string_view text) {
  const std::string_view shown = shorten(text);
  const bool readable = is_utf8(shown);
  std::string out = "\"";
  for (const char c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !readable)) {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    } else {
      out += c;
    }
  }
  out += shown.size() < text.size() ? "\"..." : "\"";
  return out;
}

}  // namespace nucleus::oci
