// One line of a manifest, scanned from left to right.
#pragma once

#include <charconv>
#include <climits>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus::hardening {

// Errors (ErrorCode::invalid_config) begin with file:line:column.
class ManifestLine {
 public:
  ManifestLine(std::string_view text, std::string_view shown, std::size_t number)
      : text_(text), shown_(shown), number_(number) {}

  [[nodiscard]] tl::unexpected<Error> fail_here(const std::string& what) const { return fail_at(at_, what); }
  [[nodiscard]] tl::unexpected<Error> fail_at(std::size_t at, const std::string& what) const {
    return fail(ErrorCode::invalid_config,
                std::string(shown_) + ":" + std::to_string(number_) + ":" + std::to_string(at + 1) + ": " + what);
  }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }

  [[nodiscard]] bool take(std::string_view token) {
    const bool here = rest().starts_with(token);
    at_ += here ? token.size() : 0;
    return here;
  }
  Status expect(std::string_view token) { return take(token) ? Status{} : fail_here("expected " + std::string(token)); }
  template <typename T>
  Result<T> number() {
    T value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc{}) {
      return fail_here("expected a number below 2^" + std::to_string(sizeof(T) * CHAR_BIT));
    }
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }
  // Up to the closing quote; no escapes.
  Result<std::string_view> word() {
    TRY(expect("\""));
    const auto length = rest().find('"');
    if (length == std::string_view::npos) {
      return fail_here("expected \" at the end of the text");
    }
    const auto value = rest().substr(0, length);
    at_ += length + 1;
    return value;
  }
  Result<std::string> quoted();

 private:
  Status unescape(std::string& out);

  std::string_view text_;
  std::string_view shown_;
  std::size_t number_;
  std::size_t at_ = 0;
};

}  // namespace nucleus::hardening
