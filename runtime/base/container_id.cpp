#include "runtime/base/container_id.hpp"

#include <algorithm>

namespace nucleus {
namespace {

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
         c == '-' || c == '.';
}

}  // namespace

Result<ContainerId> ContainerId::parse(std::string_view text) {
  constexpr std::size_t kMaxName = 255;  // NAME_MAX: the id is a directory name
  if (text.empty()) {
    return fail(ErrorCode::usage, "container id cannot be empty");
  }
  if (text.size() > kMaxName || text == "." || text == ".." || !std::all_of(text.begin(), text.end(), allowed)) {
    return fail(ErrorCode::usage, "invalid container ID format: " + std::string(text.substr(0, kMaxName)));
  }
  return ContainerId(text);
}

}  // namespace nucleus
