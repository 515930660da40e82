#include "runtime/base/user_namespace.hpp"

#include <fcntl.h>

#include <string>
#include <vector>

#include "runtime/base/io.hpp"

namespace nucleus {

bool is_identity_map(std::string_view text) {
  std::vector<std::string> fields;
  std::string field;
  for (const char c : text) {
    if (c != ' ' && c != '\n') {
      field += c;
    } else if (!field.empty()) {
      fields.push_back(std::move(field));
      field.clear();
    }
  }
  return fields == std::vector<std::string>{"0", "0", "4294967295"};
}

bool in_user_namespace() {
  constexpr std::size_t kLongest = 64 * 1024;
  const auto map = read_file(AT_FDCWD, "/proc/self/uid_map", kLongest);
  return !map || !is_identity_map(*map);
}

}  // namespace nucleus
