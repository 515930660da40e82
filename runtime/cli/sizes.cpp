#include "runtime/cli/sizes.hpp"

#include <charconv>
#include <cmath>
#include <string>

namespace nucleus::cli {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// "", "b", "k", "kb", "kib" ... -> the power of 1024, -1 for anything else.
int power_of(std::string_view suffix) {
  if (suffix.empty()) {
    return 0;
  }
  constexpr std::string_view kUnits = "bkmgtp";
  const std::size_t power = kUnits.find(lower(suffix.front()));
  std::string rest;
  for (const char c : suffix.substr(1)) {
    rest += lower(c);
  }
  const bool known = rest.empty() || (power != 0 && (rest == "b" || rest == "ib"));
  return power == std::string_view::npos || !known ? -1 : static_cast<int>(power);
}

}  // namespace

Result<std::int64_t> parse_size(std::string_view text) {
  if (text == "-1") {
    return -1;
  }
  const auto invalid = fail(ErrorCode::usage, "invalid size: \"" + std::string(text) + "\"");
  std::string_view number = text.substr(0, text.find_first_not_of("0123456789."));
  std::string_view suffix = text.substr(number.size());
  suffix.remove_prefix(suffix.starts_with(' ') ? 1 : 0);
  double value = 0;
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), value, std::chars_format::fixed);
  const int power = power_of(suffix);
  if (error != std::errc{} || end != number.data() + number.size() || power < 0) {
    return invalid;
  }
  const double bytes = std::ldexp(value, 10 * power);
  constexpr double kLimit = 9.2e18;
  if (bytes > kLimit) {
    return invalid;
  }
  return static_cast<std::int64_t>(bytes);
}

}  // namespace nucleus::cli
