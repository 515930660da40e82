#include "hardening/attest_line.hpp"

namespace nucleus::hardening {

// After a backslash.
Status ManifestLine::unescape(std::string& out) {
  if (take("\"") || take("\\")) {
    out += text_[at_ - 1];
    return {};
  }
  const bool raw_byte = rest().starts_with("udc");
  unsigned byte = 0;
  const auto digits = rest().substr(0, 5);
  const bool known = (raw_byte || digits.starts_with("u00")) && digits.size() == 5;
  const auto* const end = digits.data() + digits.size();
  if (!known || std::from_chars(digits.data() + 3, end, byte, 16).ptr != end) {
    return fail_here(R"(expected \", \\, \u00xx or \udcxx)");
  }
  at_ += digits.size();
  if (!raw_byte && byte >= 0x80) {
    out += static_cast<char>(0xC0U | byte >> 6U);
    byte = 0x80U | (byte & 0x3FU);
  }
  out += static_cast<char>(byte);
  return {};
}

Result<std::string> ManifestLine::quoted() {
  TRY(expect("\""));
  std::string out;
  while (!take("\"")) {
    if (at_ == text_.size()) {
      return fail_here("expected \" at the end of the text");
    }
    if (take("\\")) {
      TRY(unescape(out));
    } else {
      out += text_[at_++];
    }
  }
  if (out.find('\0') != std::string::npos) {
    return fail_here("a NUL in a text");
  }
  return out;
}

}  // namespace nucleus::hardening
