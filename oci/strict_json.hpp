// The gate that every JSON file passes before a document model is built from it.
#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus::oci {

// Limits of the gate. A config.json beyond them is refused before a document model exists.
struct JsonLimits {
  std::size_t bytes = 4 * 1024 * 1024;
  std::size_t depth = 64;
};

// Refuses what a lenient parser would let through (RFC 8259 is followed to the letter): invalid UTF-8, unpaired
// surrogates, duplicate keys in one object, NUL in strings or keys, numbers no double can hold, nesting and size beyond
// `limits`, trailing bytes, comments. Errors read `file:line:column: what`, both 1-based, the column counted in bytes.
[[nodiscard]] Status check_strict_json(std::string_view text, std::string_view file, const JsonLimits& limits = {});

}  // namespace nucleus::oci
