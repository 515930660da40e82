// Sizes as runc's users write them.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus::cli {

// Bytes: a decimal number, perhaps with a fraction, and perhaps b, k, m, g, t or p (also kb, kib ...), powers of 1024
// in any case; -1 for "unlimited". Errors: ErrorCode::usage.
[[nodiscard]] Result<std::int64_t> parse_size(std::string_view text);

}  // namespace nucleus::cli
