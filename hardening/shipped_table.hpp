// The generated table behind shipped_policies.hpp.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace nucleus::hardening {

struct ShippedFile {
  std::string_view set;
  std::string_view file;
  const unsigned char* bytes;
  std::size_t size;
};

// The files of one set stand together. Defined in a source that cmake/EmbedFiles.cmake generates.
[[nodiscard]] std::span<const ShippedFile> shipped_table();

}  // namespace nucleus::hardening
