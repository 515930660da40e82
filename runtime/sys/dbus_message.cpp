#include "runtime/sys/dbus_message.hpp"

namespace nucleus::sys {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint32_t kMaxLength = 1 << 20;
constexpr std::uint32_t kLongest = 1 << 27;  // "Message Protocol": no message is longer

enum Field : std::uint8_t {
  kPath = 1,
  kInterface = 2,
  kMember = 3,
  kErrorName = 4,
  kReplySerial = 5,
  kDestination = 6,
  kSender = 7,
  kSignature = 8
};

constexpr std::size_t padded(std::size_t size, std::size_t to) { return (size + to - 1) / to * to; }

void header_field(DbusWriter& out, Field field, char type, std::string_view value) {
  if (value.empty()) {
    return;
  }
  out.align(8);
  out.byte(field);
  out.signature(std::string_view(&type, 1));
  type == 'g' ? out.signature(value) : out.text(value);
}

void keep(DbusMessage& out, std::uint8_t field, std::string value) {
  switch (field) {
    case kPath:
      out.path = std::move(value);
      break;
    case kInterface:
      out.interface = std::move(value);
      break;
    case kMember:
      out.member = std::move(value);
      break;
    case kErrorName:
      out.error_name = std::move(value);
      break;
    case kSender:
      out.sender = std::move(value);
      break;
    case kSignature:
      out.signature = std::move(value);
      break;
    default:  // fields that are of no use here, and future ones, are to be ignored
      break;
  }
}

Status wrong(const char* what) { return fail(ErrorCode::kernel, std::string("D-Bus: ") + what); }

Status read_field(DbusReader& in, DbusMessage& out) {
  in.align(8);
  const std::uint8_t field = in.byte();
  const std::string type = in.signature();
  if (type == "s" || type == "o") {
    keep(out, field, in.text());
  } else if (type == "g") {
    keep(out, field, in.signature());
  } else if (type == "u") {
    const std::uint32_t value = in.number();
    out.reply_serial = field == kReplySerial ? value : out.reply_serial;
  } else {
    return wrong("a header field of an unknown type");
  }
  return in.ok() ? Status{} : wrong("a header field that is cut off");
}

struct Lengths {
  std::uint32_t body = 0;
  std::uint32_t fields = 0;
  bool little_endian = true;
};

Result<Lengths> read_lengths(std::string_view prefix) {
  DbusReader in(prefix);
  const std::uint8_t order = in.byte();
  static_cast<void>(in.byte());  // type
  static_cast<void>(in.byte());  // flags
  const std::uint8_t version = in.byte();
  Lengths out;
  out.body = in.number();
  static_cast<void>(in.number());  // serial
  out.fields = in.number();
  if (!in.ok() || (order != 'l' && order != 'B') || version != kVersion) {
    return tl::unexpected<Error>(wrong("not a message of version 1").error());
  }
  if (order == 'B') {
    out = {__builtin_bswap32(out.body), __builtin_bswap32(out.fields), false};
  }
  if (out.body > kLongest || out.fields > kLongest) {
    return tl::unexpected<Error>(wrong("a message that is longer than one can be").error());
  }
  return out;
}

}  // namespace

void DbusWriter::put(std::size_t at, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    bytes_[at + i] = static_cast<char>(value >> 8 * i & 0xFF);
  }
}

void DbusWriter::align(std::size_t to) { bytes_.resize(padded(bytes_.size(), to)); }

void DbusWriter::byte(std::uint8_t value) { bytes_ += static_cast<char>(value); }

void DbusWriter::number(std::uint32_t value) {
  align(4);
  bytes_.resize(bytes_.size() + 4);
  put(bytes_.size() - 4, value, 4);
}

void DbusWriter::number64(std::uint64_t value) {
  align(8);
  bytes_.resize(bytes_.size() + 8);
  put(bytes_.size() - 8, value, 8);
}

void DbusWriter::text(std::string_view value) {
  number(static_cast<std::uint32_t>(value.size()));
  bytes_ += value;
  bytes_ += '\0';
}

void DbusWriter::signature(std::string_view value) {
  byte(static_cast<std::uint8_t>(value.size()));
  bytes_ += value;
  bytes_ += '\0';
}

std::size_t DbusWriter::begin_array(std::size_t alignment) {
  number(0);
  const std::size_t place = bytes_.size() - 4;
  align(alignment);  // not counted in the array's length
  return place;
}

void DbusWriter::end_array(std::size_t place, std::size_t alignment) {
  put(place, bytes_.size() - padded(place + 4, alignment), 4);
}

void DbusReader::align(std::size_t to) {
  at_ = padded(at_, to);
  ok_ = ok_ && at_ <= bytes_.size();
}

std::string_view DbusReader::take(std::size_t count) {
  if (!ok_ || at_ > bytes_.size() || bytes_.size() - at_ < count) {
    ok_ = false;
    return {};
  }
  at_ += count;
  return bytes_.substr(at_ - count, count);
}

std::uint8_t DbusReader::byte() {
  const auto found = take(1);
  return found.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(found[0]);
}

std::uint32_t DbusReader::number() {
  align(4);
  const auto found = take(4);
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    value |= std::uint32_t{static_cast<std::uint8_t>(found[i])} << 8 * i;
  }
  return value;
}

std::string DbusReader::terminated(std::size_t length) {
  const std::string_view found = take(length + 1);
  if (found.empty() || found.back() != '\0') {
    ok_ = false;
    return "";
  }
  return std::string(found.substr(0, length));
}

std::string DbusReader::text() { return terminated(number()); }

std::string DbusReader::signature() { return terminated(byte()); }

std::string encode_call(const DbusCall& call, std::uint32_t serial) {
  DbusWriter out;
  out.byte('l');
  out.byte(static_cast<std::uint8_t>(DbusKind::call));
  out.byte(0);  // flags
  out.byte(kVersion);
  out.number(static_cast<std::uint32_t>(call.body.size()));
  out.number(serial);
  const std::size_t fields = out.begin_array(8);
  header_field(out, kPath, 'o', call.path);
  header_field(out, kDestination, 's', call.destination);
  header_field(out, kInterface, 's', call.interface);
  header_field(out, kMember, 's', call.member);
  header_field(out, kSignature, 'g', call.signature);
  out.end_array(fields, 8);
  out.align(8);
  return out.bytes() + call.body;
}

Result<DbusFrame> dbus_frame(std::string_view prefix) {
  TRY_ASSIGN(const Lengths lengths, read_lengths(prefix));
  DbusFrame out;
  out.length = padded(kDbusPrefix + lengths.fields, 8) + lengths.body;
  out.is_answer = prefix[1] == static_cast<char>(DbusKind::reply) || prefix[1] == static_cast<char>(DbusKind::error);
  out.readable = lengths.little_endian && out.length <= kMaxLength;
  return out;
}

Result<DbusMessage> decode_message(std::string_view bytes) {
  TRY_ASSIGN(const Lengths lengths, read_lengths(bytes.substr(0, kDbusPrefix)));
  const std::size_t body = padded(kDbusPrefix + lengths.fields, 8);
  if (!lengths.little_endian) {
    return tl::unexpected<Error>(wrong("not a little-endian message").error());
  }
  if (bytes.size() != body + lengths.body) {
    return tl::unexpected<Error>(wrong("a message of another length than it says").error());
  }
  const auto kind = static_cast<std::uint8_t>(bytes[1]);
  if (kind < static_cast<std::uint8_t>(DbusKind::call) || kind > static_cast<std::uint8_t>(DbusKind::signal)) {
    return tl::unexpected<Error>(wrong("a message of an unknown kind").error());
  }
  DbusMessage out;
  out.kind = static_cast<DbusKind>(kind);
  DbusReader in(bytes.substr(kDbusPrefix, lengths.fields));  // begins at a multiple of 8: alignment is kept
  while (!in.at_end()) {
    TRY(read_field(in, out));
  }
  out.body = bytes.substr(body);
  return out;
}

}  // namespace nucleus::sys
