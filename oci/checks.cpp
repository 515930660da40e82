#include "oci/checks.hpp"

#include <charconv>
#include <cstdint>
#include <vector>

namespace nucleus::oci::checks {
namespace {

// Calls `visit` for each part of `text` between separators; stops at the first false.
template <class Visit>
bool all_parts(std::string_view text, char separator, Visit&& visit) {
  for (;;) {
    const std::size_t end = text.find(separator);
    if (!visit(text.substr(0, end))) {
      return false;
    }
    if (end == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(end + 1);
  }
}

bool parse_number(std::string_view text, std::uint32_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool is_number_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  if (dash == std::string_view::npos) {
    return parse_number(text, first);
  }
  return parse_number(text.substr(0, dash), first) && parse_number(text.substr(dash + 1), last) && first <= last;
}

struct Range {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
};

bool overlap(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  const auto touches = [](const Range& a, const Range& b) { return a.end > b.first; };
  return std::adjacent_find(ranges.begin(), ranges.end(), touches) != ranges.end();
}

}  // namespace

Status known_name(std::string_view path, std::string_view what, std::string_view value,
                  std::span<const std::string_view> known) {
  if (is_one_of(value, known)) {
    return {};
  }
  return invalid(path, "unknown " + std::string(what) + ' ' + quote(value));
}

Status known_names(std::string_view path, std::string_view what, std::span<const std::string> values,
                   std::span<const std::string_view> known) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!is_one_of(values[i], known)) {  // the path is written out only for an error: this runs for every capability
      return known_name(element(path, i), what, values[i], known);
    }
  }
  return {};
}

bool has_dot_dot(std::string_view path) {
  return !all_parts(path, '/', [](std::string_view part) { return part != ".."; });
}

bool names_root(std::string_view path) {
  return all_parts(path, '/', [](std::string_view part) { return part.empty() || part == "."; });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Status absolute_path(std::string_view path, std::string_view value) {
  if (!value.starts_with('/')) {
    return invalid(path, "must be an absolute path, got " + quote(value));
  }
  if (has_dot_dot(value)) {
    return invalid(path, "must not contain \"..\", got " + quote(value));
  }
  if (value.find('\0') != std::string_view::npos) {
    return invalid(path, "must not contain NUL");
  }
  return {};
}

bool is_number_list(std::string_view text) { return text.empty() || all_parts(text, ',', is_number_range); }

bool is_interface_name(std::string_view name) {
  constexpr std::size_t kLongest = 15;  // IFNAMSIZ with its NUL is 16
  if (name.empty() || name.size() > kLongest || name == "." || name == "..") {
    return false;
  }
  return !has_control(name) && name.find_first_of("/: \xa0") == std::string_view::npos;
}

Status id_mappings(std::string_view path, std::span<const IdMapping> mappings) {
  constexpr std::size_t kMost = 340;
  constexpr std::uint64_t kInvalidId = 0xffffffffU;
  if (mappings.size() > kMost) {
    return invalid(path, "more than 340 mappings");
  }
  std::vector<Range> container;
  std::vector<Range> host;
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    const IdMapping& mapping = mappings[i];
    if (mapping.size == 0) {
      return invalid(element(path, i) + ".size", "must not be 0");
    }
    container.push_back({mapping.container_id, std::uint64_t{mapping.container_id} + mapping.size});
    host.push_back({mapping.host_id, std::uint64_t{mapping.host_id} + mapping.size});
    if (container.back().end > kInvalidId || host.back().end > kInvalidId) {
      return invalid(element(path, i), "reaches beyond id 4294967294");
    }
  }
  if (overlap(std::move(container))) {
    return invalid(path, "container ids overlap");
  }
  return overlap(std::move(host)) ? Status(invalid(path, "host ids overlap")) : Status{};
}

bool has_namespace(const Spec& spec, std::string_view type) {
  const auto& all = spec.linux.namespaces;
  return std::any_of(all.begin(), all.end(), [&](const Namespace& ns) { return ns.type == type; });
}

}  // namespace nucleus::oci::checks
