// Netlink messages and attributes as bytes: written into one buffer, read with every length checked (netlink(7),
// linux/netlink.h). Numbers of nf_tables' attributes are in network order.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace nucleus::sys {

class MessageWriter {
 public:
  explicit MessageWriter(std::string& out) : out_(out) {}

  // Everything until end_message() is the body of one message with a struct nfgenmsg.
  void begin_message(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence, std::uint8_t family,
                     std::uint16_t resource = 0);
  void end_message();
  [[nodiscard]] std::size_t message_size() const { return out_.size() - message_; }
  // Adds to the flags of the message that was begun last.
  void add_flags(std::uint16_t flags);

  void bytes(std::uint16_t attribute, std::string_view value);
  void text(std::uint16_t attribute, std::string_view value);  // with a final NUL
  void u32(std::uint16_t attribute, std::uint32_t value);
  void u64(std::uint16_t attribute, std::uint64_t value);

  // What `body` writes becomes the content of a nested attribute: at most 65,531 bytes.
  template <class Body>
  void nested(std::uint16_t attribute, Body body) {
    const std::size_t start = open(attribute);
    body();
    close(start);
  }

 private:
  void add(std::uint16_t attribute, std::string_view value, std::size_t padding);
  std::size_t open(std::uint16_t attribute);
  void close(std::size_t start);

  std::string& out_;
  std::size_t message_ = 0;
};

[[nodiscard]] inline bool is_either(std::optional<std::uint32_t> value, std::uint32_t a, std::uint32_t b) {
  return value.has_value() && (*value == a || *value == b);
}

struct MessageView {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  std::string_view body;  // after struct nlmsghdr
};

// Takes the first message off `bytes`. Nothing: what is there is not a whole message.
[[nodiscard]] std::optional<MessageView> take_message(std::string_view& bytes);

// Takes struct nfgenmsg off a message's body and returns its resource id (the generation, in answers).
struct FamilyHeader {
  std::uint8_t family = 0;
  std::uint16_t resource = 0;
};
[[nodiscard]] std::optional<FamilyHeader> take_family_header(std::string_view& body);

// One level of attributes by type; types above 31 are unknown to us and left out, of duplicates the last counts.
class Attributes {
 public:
  [[nodiscard]] static std::optional<Attributes> parse(std::string_view bytes);

  [[nodiscard]] bool has(std::uint16_t type) const { return values_.at(type).has_value(); }
  // Nothing: it is not there, or its size is another.
  [[nodiscard]] std::optional<std::string_view> bytes(std::uint16_t type) const { return values_.at(type); }
  [[nodiscard]] std::optional<std::string> text(std::uint16_t type) const;
  [[nodiscard]] std::optional<std::uint32_t> u32(std::uint16_t type) const;
  [[nodiscard]] std::optional<std::uint64_t> u64(std::uint16_t type) const;
  [[nodiscard]] std::optional<Attributes> nested(std::uint16_t type) const;

 private:
  std::array<std::optional<std::string_view>, 32> values_;
};

// Calls `visit(type, content)` for each attribute until it returns false. False as well: `bytes` are not attributes.
[[nodiscard]] bool for_each_attribute(std::string_view bytes,
                                      const std::function<bool(std::uint16_t, std::string_view)>& visit);

}  // namespace nucleus::sys
