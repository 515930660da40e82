// Values in the texts of cgroup files. Pure; what cannot be read counts as 0.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nucleus::launch {

// The number that `text` begins with; "max" is UINT64_MAX, "-1" and other text 0.
[[nodiscard]] std::uint64_t to_number(std::string_view text);

// Words between blanks and line ends.
[[nodiscard]] std::vector<std::string_view> split_words(std::string_view text);
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text);

using Pairs = std::map<std::string, std::uint64_t, std::less<>>;
// Lines "key value"; others are left out.
[[nodiscard]] Pairs parse_pairs(std::string_view text);
// 0 for a key that is not there.
[[nodiscard]] std::uint64_t value_of(const Pairs& pairs, std::string_view key);

// "0-2,7" -> 0 1 2 7
[[nodiscard]] std::vector<std::uint64_t> parse_cpu_list(std::string_view text);

}  // namespace nucleus::launch
