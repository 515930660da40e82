#include "runtime/sys/nftables_userdata.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace nucleus::sys {
namespace {

constexpr unsigned kBitsPerField = 6;
constexpr std::uint32_t kFieldMask = (1U << kBitsPerField) - 1;

constexpr char kTableComment = 0;
constexpr char kKeyByteOrder = 0;
constexpr std::uint32_t kOrderOfConcatenation = 0;  // each field has its own
constexpr std::uint32_t kBigEndian = 2;

constexpr std::array<FieldInfo, 4> kFields = {{{nft::Field::ipv4_addr, 7, 4},
                                               {nft::Field::ipv6_addr, 8, 16},
                                               {nft::Field::inet_proto, 12, 1},
                                               {nft::Field::inet_service, 13, 2}}};

std::string item(char type, std::string_view value) {
  return std::string{type, static_cast<char>(value.size())}.append(value);
}

}  // namespace

const FieldInfo& field_info(nft::Field field) {
  const auto* const found =
      std::find_if(kFields.begin(), kFields.end(), [&](const FieldInfo& info) { return info.field == field; });
  return found == kFields.end() ? kFields.front() : *found;
}

std::uint32_t key_type(const std::vector<nft::Field>& fields) {
  std::uint32_t type = 0;
  for (const nft::Field field : fields) {
    type = type << kBitsPerField | field_info(field).number;
  }
  return type;
}

std::optional<std::vector<nft::Field>> fields_of_key_type(std::uint32_t type) {
  std::vector<nft::Field> fields;
  for (; type != 0; type >>= kBitsPerField) {
    const auto* const found = std::find_if(kFields.begin(), kFields.end(),
                                           [&](const FieldInfo& info) { return info.number == (type & kFieldMask); });
    if (found == kFields.end()) {
      return std::nullopt;
    }
    fields.insert(fields.begin(), found->field);
  }
  return fields.empty() ? std::nullopt : std::optional(fields);
}

std::uint32_t key_length(const std::vector<nft::Field>& fields) {
  if (fields.size() == 1) {
    return field_info(fields.front()).size;
  }
  std::uint32_t length = 0;
  for (const nft::Field field : fields) {
    length += (field_info(field).size + 3) / 4 * 4;
  }
  return length;
}

std::string table_user_data(std::string_view comment) { return item(kTableComment, std::string(comment) + '\0'); }

std::optional<std::string> comment_of(std::string_view user_data) {
  while (user_data.size() >= 2) {
    const char type = user_data[0];
    const auto length = static_cast<unsigned char>(user_data[1]);
    user_data.remove_prefix(2);
    if (length > user_data.size()) {
      return std::nullopt;
    }
    if (type == kTableComment && length != 0) {
      const std::string_view text = user_data.substr(0, length);
      return std::string(text.substr(0, text.find('\0')));
    }
    user_data.remove_prefix(length);
  }
  return std::nullopt;
}

std::string set_user_data(const std::vector<nft::Field>& fields) {
  const std::uint32_t order = fields.size() > 1 ? kOrderOfConcatenation : kBigEndian;
  return item(kKeyByteOrder, {reinterpret_cast<const char*>(&order), sizeof(order)});
}

}  // namespace nucleus::sys
