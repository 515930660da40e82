// The decoder of a whole Spec without its templates, which are instantiated once, in decode.cpp.
#pragma once

#include "oci/json.hpp"
#include "oci/spec.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::oci {

[[nodiscard]] Status decode_spec(const Json& document, Spec& out);

}  // namespace nucleus::oci
