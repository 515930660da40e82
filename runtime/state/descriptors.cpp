#include "runtime/state/descriptors.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace nucleus::state {

using nlohmann::json;

std::string descriptors_json(const std::vector<std::string>& names) {
  return json(names).dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::vector<std::string>> parse_descriptors(std::string_view text) {
  constexpr std::size_t kMost = 3;
  const json doc = json::parse(text, nullptr, false);
  const bool list = doc.is_array() && doc.size() <= kMost;
  if (!list || !std::all_of(doc.begin(), doc.end(), [](const json& name) { return name.is_string(); })) {
    return fail(ErrorCode::state, std::string(kDescriptorsFile) + ": not a list of at most three names");
  }
  std::vector<std::string> out;
  for (const auto& name : doc) {
    out.push_back(name.get<std::string>());
  }
  return out;
}

}  // namespace nucleus::state
