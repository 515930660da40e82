// Domain names in their two forms (RFC 1035 3.1, 5.1). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nucleus::follower {

inline constexpr std::size_t kNameLimit = 255;  // bytes on the wire, the root's zero included
inline constexpr std::size_t kLabelLimit = 63;

// As in a packet: labels with their lengths in front and the root's zero at the end, no pointers.
using WireName = std::vector<std::uint8_t>;

// A packet read from front to back; a read past the end leaves it as it is and yields nothing.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] std::optional<std::uint8_t> u8();
  [[nodiscard]] std::optional<std::uint16_t> u16();
  [[nodiscard]] std::optional<std::uint32_t> u32();
  [[nodiscard]] std::optional<std::string_view> take(std::size_t count);
  [[nodiscard]] std::size_t position() const { return position_; }
  void seek(std::size_t position) { position_ = position; }
  [[nodiscard]] bool at_end() const { return position_ == bytes_.size(); }
  [[nodiscard]] std::string_view whole() const { return bytes_; }

 private:
  std::string_view bytes_;
  std::size_t position_ = 0;
};

// A name as a question may have it: compression pointers are refused.
[[nodiscard]] std::optional<WireName> read_plain_name(Reader& reader);
// A name as an answer may have it. A pointer has to lead to before everything read so far of this name, so there are no
// loops and no name is read for longer than its 255 bytes.
[[nodiscard]] std::optional<WireName> read_name(Reader& reader);

// "example.com" in lower case, "." for the root. Other bytes than [a-z0-9-_] become \DDD, dots and backslashes inside labels
// too: no two names have the same text, and the text is safe to print.
[[nodiscard]] std::string text_of(const WireName& name);
// From text as people write it: letters, digits, '-' and '_' in labels; one dot at the end is allowed.
[[nodiscard]] std::optional<WireName> wire_of(std::string_view text);

// Equal but for the case of ASCII letters (RFC 4343).
[[nodiscard]] bool same_name(const WireName& left, const WireName& right);

}  // namespace nucleus::follower
