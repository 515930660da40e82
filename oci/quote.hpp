// How values from a document appear in an error text: quoted, on one line, of bounded length.
#pragma once

#include <string>
#include <string_view>

namespace nucleus::oci {

// `"text"` with control bytes and invalid UTF-8 escaped, cut after 80 bytes.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace nucleus::oci
