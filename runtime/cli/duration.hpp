// Durations as Go writes them: "5s", "1m30s", "250ms".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace nucleus::cli {

// Units h, m, s and ms; fractions ("1.5s"); "0" alone needs none. At most a year. Nothing for other text or a sign.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace nucleus::cli
