// The document model, for this box's .cpp files only.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace nucleus::oci {

// Objects are std::map: an ordered_json looks members up linearly, which a large object turns into minutes.
using Json = nlohmann::json;

// Never throws: invalid UTF-8 (possible only in values that did not come from a document) is replaced.
template <class AnyJson>
[[nodiscard]] std::string dump(const AnyJson& value, int indent = -1) {
  return value.dump(indent, ' ', false, AnyJson::error_handler_t::replace);
}

}  // namespace nucleus::oci
