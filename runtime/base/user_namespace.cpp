#include "runtime/base/user_namespace.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <string>
#include <vector>

#include "runtime/base/io.hpp"

namespace nucleus {
namespace {

constexpr std::size_t kLongest = 64 * 1024;

struct Extent {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
  bool operator==(const Extent&) const = default;
};

// Lines of three numbers. None of them when one is something else.
std::vector<Extent> parse_map(std::string_view text) {
  std::vector<std::uint32_t> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    if (*at == ' ' || *at == '\n') {
      ++at;
      continue;
    }
    const auto [next, error] = std::from_chars(at, end, numbers.emplace_back());
    if (error != std::errc()) {
      return {};
    }
    at = next;
  }
  std::vector<Extent> out;
  for (std::size_t i = 0; i + 3 <= numbers.size(); i += 3) {
    out.push_back({numbers[i], numbers[i + 1], numbers[i + 2]});
  }
  return out;
}

}  // namespace

bool is_identity_map(std::string_view text) { return parse_map(text) == std::vector<Extent>{{0, 0, 4294967295}}; }

std::optional<std::uint32_t> id_outside(std::string_view map, std::uint32_t id) {
  for (const auto& extent : parse_map(map)) {
    if (id >= extent.inside && id - extent.inside < extent.count) {
      return extent.outside + (id - extent.inside);
    }
  }
  return std::nullopt;
}

std::uint32_t user_outside() {
  const auto map = read_file(AT_FDCWD, "/proc/self/uid_map", kLongest);
  return map ? id_outside(*map, ::geteuid()).value_or(::geteuid()) : ::geteuid();
}

bool in_user_namespace() {
  const auto map = read_file(AT_FDCWD, "/proc/self/uid_map", kLongest);
  return !map || !is_identity_map(*map);
}

}  // namespace nucleus
