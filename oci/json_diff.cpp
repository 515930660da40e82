// RFC 6902 patches that a person can read: a list's unchanged elements are recognised, so that removing one capability
// reads as one "remove" and not as a shift of all that follow.
#include <algorithm>
#include <vector>

#include "oci/document.hpp"
#include "oci/json.hpp"

namespace nucleus::oci {
namespace {

// RFC 6901: ~ and / are escaped.
std::string pointer_to(const std::string& parent, const std::string& name) {
  std::string out = parent + '/';
  for (const char c : name) {
    if (c == '~' || c == '/') {
      out += c == '~' ? "~0" : "~1";
    } else {
      out += c;
    }
  }
  return out;
}

Json operation(const char* op, const std::string& path) { return {{"op", op}, {"path", path}}; }

Json operation(const char* op, const std::string& path, const Json& value) {
  return {{"op", op}, {"path", path}, {"value", value}};
}

void diff(const Json& before, const Json& after, const std::string& at, Json& patch);

void diff_objects(const Json& before, const Json& after, const std::string& at, Json& patch) {
  for (auto it = before.begin(); it != before.end(); ++it) {
    const std::string path = pointer_to(at, it.key());
    const auto now = after.find(it.key());
    if (now == after.end()) {
      patch.push_back(operation("remove", path));
    } else {
      diff(it.value(), *now, path, patch);
    }
  }
  for (auto it = after.begin(); it != after.end(); ++it) {
    if (!before.contains(it.key())) {
      patch.push_back(operation("add", pointer_to(at, it.key()), it.value()));
    }
  }
}

// The part of two lists that differs: their common head and tail taken away.
struct Window {
  std::size_t head = 0;
  std::size_t before = 0;  // elements in the middle
  std::size_t after = 0;
};

Window differing_window(const Json& before, const Json& after) {
  const std::size_t shorter = std::min(before.size(), after.size());
  Window window;
  while (window.head < shorter && before[window.head] == after[window.head]) {
    ++window.head;
  }
  std::size_t tail = 0;
  while (tail < shorter - window.head && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) {
    ++tail;
  }
  window.before = before.size() - window.head - tail;
  window.after = after.size() - window.head - tail;
  return window;
}

// Length of the longest common subsequence of the windows' remainders, for each pair of starts.
class CommonLengths {
 public:
  CommonLengths(const Json& before, const Json& after, const Window& window)
      : width_(window.after + 1), table_((window.before + 1) * width_, 0) {
    for (std::size_t i = window.before; i-- > 0;) {
      for (std::size_t j = window.after; j-- > 0;) {
        const bool same = before[window.head + i] == after[window.head + j];
        slot(i, j) = same ? slot(i + 1, j + 1) + 1 : std::max(slot(i + 1, j), slot(i, j + 1));
      }
    }
  }
  [[nodiscard]] std::uint32_t at(std::size_t i, std::size_t j) const { return table_[i * width_ + j]; }

 private:
  std::uint32_t& slot(std::size_t i, std::size_t j) { return table_[i * width_ + j]; }
  std::size_t width_;
  std::vector<std::uint32_t> table_;
};

// Walks both windows along a longest common subsequence. `place` is the index in the list as patched so far.
void edit_window(const Json& before, const Json& after, const Window& window, const std::string& at, Json& patch) {
  const CommonLengths common(before, after, window);
  std::size_t i = 0;
  std::size_t j = 0;
  std::size_t place = window.head;
  while (i < window.before || j < window.after) {
    const bool has_old = i < window.before;
    const bool has_new = j < window.after;
    const std::string path = pointer_to(at, std::to_string(place));
    if (has_old && has_new && before[window.head + i] == after[window.head + j]) {
      ++i, ++j, ++place;
    } else if (has_old && has_new && common.at(i, j) == common.at(i + 1, j + 1)) {
      diff(before[window.head + i], after[window.head + j], path, patch);
      ++i, ++j, ++place;
    } else if (has_old && (!has_new || common.at(i + 1, j) == common.at(i, j))) {
      patch.push_back(operation("remove", path));
      ++i;
    } else {
      patch.push_back(operation("add", path, after[window.head + j]));
      ++j, ++place;
    }
  }
}

void diff_lists(const Json& before, const Json& after, const std::string& at, Json& patch) {
  constexpr std::size_t kLargestTable = std::size_t{1} << 20U;
  const Window window = differing_window(before, after);
  if ((window.before + 1) * (window.after + 1) > kLargestTable) {
    patch.push_back(operation("replace", at, after));
  } else {
    edit_window(before, after, window, at, patch);
  }
}

void diff(const Json& before, const Json& after, const std::string& at, Json& patch) {
  if (before == after) {
    return;
  }
  if (before.is_object() && after.is_object()) {
    diff_objects(before, after, at, patch);
  } else if (before.is_array() && after.is_array()) {
    diff_lists(before, after, at, patch);
  } else {
    patch.push_back(operation("replace", at, after));
  }
}

// What is not JSON counts as null, so that the result is a valid patch for any input.
Json parse_or_null(std::string_view text) {
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json() : value;
}

}  // namespace

std::string json_patch(std::string_view before, std::string_view after, int indent) {
  Json patch = Json::array();
  diff(parse_or_null(before), parse_or_null(after), "", patch);
  return dump(patch, indent);
}

}  // namespace nucleus::oci
