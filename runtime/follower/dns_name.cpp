#include "runtime/follower/dns_name.hpp"

#include <algorithm>

namespace nucleus::follower {
namespace {

constexpr std::uint8_t kPointer = 0xc0;

std::uint8_t lower(std::uint8_t byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte + ('a' - 'A')) : byte;
}

bool plain(std::uint8_t byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

void append_byte(std::string& text, std::uint8_t byte) {
  byte = lower(byte);
  if (plain(byte)) {
    text.push_back(static_cast<char>(byte));
    return;
  }
  text.push_back('\\');
  for (const unsigned unit : {100U, 10U, 1U}) {
    text.push_back(static_cast<char>('0' + byte / unit % 10));
  }
}

// One label behind its length byte, or the root's end; false when it does not fit.
bool append_label(Reader& reader, std::uint8_t length, WireName& name) {
  const auto label = length <= kLabelLimit ? reader.take(length) : std::nullopt;
  if (!label || name.size() + 1 + length > kNameLimit) {
    return false;
  }
  name.push_back(length);
  name.insert(name.end(), label->begin(), label->end());
  return true;
}

}  // namespace

std::optional<std::uint8_t> Reader::u8() {
  const auto found = take(1);
  return found ? std::optional(static_cast<std::uint8_t>((*found)[0])) : std::nullopt;
}

std::optional<std::uint16_t> Reader::u16() {
  const auto found = take(2);
  if (!found) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>((*found)[0]) << 8U |
                                    static_cast<std::uint8_t>((*found)[1]));
}

std::optional<std::uint32_t> Reader::u32() {
  if (bytes_.size() - position_ < 4) {
    return std::nullopt;
  }
  const std::uint32_t high = *u16();
  return high << 16U | *u16();
}

std::optional<std::string_view> Reader::take(std::size_t count) {
  if (bytes_.size() - position_ < count) {
    return std::nullopt;
  }
  const std::string_view found = bytes_.substr(position_, count);
  position_ += count;
  return found;
}

std::optional<WireName> read_plain_name(Reader& reader) {
  WireName name;
  for (;;) {
    const auto length = reader.u8();
    if (!length || !append_label(reader, *length, name)) {
      return std::nullopt;
    }
    if (*length == 0) {
      return name;
    }
  }
}

std::optional<WireName> read_name(Reader& reader) {
  WireName name;
  std::optional<std::size_t> resume;        // behind the first pointer
  std::size_t barrier = reader.position();  // pointers lead to before this
  for (;;) {
    const auto length = reader.u8();
    if (!length) {
      return std::nullopt;
    }
    if ((*length & kPointer) == kPointer) {
      const auto low = reader.u8();
      const std::size_t target = low ? (*length & 0x3fU) << 8U | *low : barrier;
      if (target >= barrier) {
        return std::nullopt;
      }
      resume = resume ? resume : reader.position();
      barrier = target;
      reader.seek(target);
      continue;
    }
    if (!append_label(reader, *length, name)) {
      return std::nullopt;
    }
    if (*length == 0) {
      reader.seek(resume.value_or(reader.position()));
      return name;
    }
  }
}

std::string text_of(const WireName& name) {
  std::string text;
  for (std::size_t at = 0; at < name.size() && name[at] != 0; at += 1U + name[at]) {
    if (at != 0) {
      text.push_back('.');
    }
    for (std::size_t i = 1; i <= name[at] && at + i < name.size(); ++i) {
      append_byte(text, name[at + i]);
    }
  }
  return text.empty() ? "." : text;
}

std::optional<WireName> wire_of(std::string_view text) {
  if (!text.empty() && text.back() == '.') {
    text.remove_suffix(1);
  }
  WireName name;
  while (true) {
    const std::string_view label = text.substr(0, text.find('.'));
    const bool clean =
        std::all_of(label.begin(), label.end(), [](char c) { return plain(lower(static_cast<std::uint8_t>(c))); });
    if (label.empty() || label.size() > kLabelLimit || !clean || name.size() + label.size() + 2 > kNameLimit) {
      return std::nullopt;
    }
    name.push_back(static_cast<std::uint8_t>(label.size()));
    name.insert(name.end(), label.begin(), label.end());
    if (label.size() == text.size()) {
      name.push_back(0);
      return name;
    }
    text.remove_prefix(label.size() + 1);
  }
}

bool same_name(const WireName& left, const WireName& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](std::uint8_t a, std::uint8_t b) { return lower(a) == lower(b); });
}

}  // namespace nucleus::follower
