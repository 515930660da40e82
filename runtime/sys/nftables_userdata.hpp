// What nft(8) keeps beside a table and a set to print them: key type numbers (its own, not the kernel's) and user data,
// a sequence of type, length, value with one byte each for the first two. The kernel only stores it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/nft.hpp"

namespace nucleus::sys {

inline constexpr std::size_t kMaxComment = 127;  // what nft(8) prints

struct FieldInfo {
  nft::Field field;
  std::uint32_t number;  // nft(8)'s
  std::uint32_t size;    // bytes
};
[[nodiscard]] const FieldInfo& field_info(nft::Field field);

// Six bits for each field.
inline constexpr std::size_t kMaxFields = 5;
[[nodiscard]] std::uint32_t key_type(const std::vector<nft::Field>& fields);
[[nodiscard]] std::optional<std::vector<nft::Field>> fields_of_key_type(std::uint32_t type);
// Each field padded to 4 bytes where there are several.
[[nodiscard]] std::uint32_t key_length(const std::vector<nft::Field>& fields);

[[nodiscard]] std::string table_user_data(std::string_view comment);
// Nothing where there is no comment.
[[nodiscard]] std::optional<std::string> comment_of(std::string_view user_data);
// The byte order of the key.
[[nodiscard]] std::string set_user_data(const std::vector<nft::Field>& fields);

}  // namespace nucleus::sys
