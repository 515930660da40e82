#include "runtime/launch/cgroup_text.hpp"

#include <algorithm>
#include <charconv>

namespace nucleus::launch {
namespace {

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) {
      out.push_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

std::uint64_t to_number(std::string_view text) {
  if (text.substr(0, 3) == "max") {
    return UINT64_MAX;
  }
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<std::string_view> split_words(std::string_view text) { return split(text, " \t\n"); }

std::vector<std::string_view> split_lines(std::string_view text) { return split(text, "\n"); }

std::uint64_t value_of(const Pairs& pairs, std::string_view key) {
  const auto hit = pairs.find(key);
  return hit == pairs.end() ? 0 : hit->second;
}

Pairs parse_pairs(std::string_view text) {
  Pairs out;
  for (const auto line : split_lines(text)) {
    const auto words = split_words(line);
    if (words.size() == 2) {
      out[std::string(words[0])] = to_number(words[1]);
    }
  }
  return out;
}

std::vector<std::uint64_t> parse_cpu_list(std::string_view text) {
  constexpr std::uint64_t kMost = 65'536;  // a damaged text must not fill the memory
  std::vector<std::uint64_t> out;
  for (const auto part : split(text, ",\n")) {
    const std::size_t dash = part.find('-');
    const std::uint64_t first = to_number(part);
    const std::uint64_t last = dash == std::string_view::npos ? first : to_number(part.substr(dash + 1));
    for (std::uint64_t i = first; i <= last && out.size() < kMost; ++i) {
      out.push_back(i);
    }
  }
  return out;
}

}  // namespace nucleus::launch
