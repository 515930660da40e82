#include "runtime/cli/duration.hpp"

#include <array>
#include <charconv>

namespace nucleus::cli {
namespace {

struct Unit {
  std::string_view name;
  double milliseconds;
};

// "ms" before "m", which it begins with.
constexpr std::array<Unit, 4> kUnits = {{{"ms", 1}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}}};

// One number with its unit, taken off the front of `text`.
std::optional<double> take_part(std::string_view& text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (parsed.ec != std::errc{} || text.front() == '-' || !(number >= 0)) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
  for (const Unit& unit : kUnits) {
    if (text.starts_with(unit.name)) {
      text.remove_prefix(unit.name.size());
      return number * unit.milliseconds;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr double kYear = 365.0 * 24 * 3'600'000;
  if (text == "0") {
    return std::chrono::milliseconds(0);
  }
  if (text.empty()) {
    return std::nullopt;
  }
  double sum = 0;
  while (!text.empty()) {
    const auto part = take_part(text);
    if (!part) {
      return std::nullopt;
    }
    sum += *part;
  }
  return sum <= kYear ? std::optional(std::chrono::milliseconds(static_cast<std::int64_t>(sum))) : std::nullopt;
}

}  // namespace nucleus::cli
