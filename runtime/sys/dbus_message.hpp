// The part of the D-Bus wire format that speaking to systemd takes (D-Bus Specification, "Type System" and "Message
// Protocol"): method calls with a body written here, replies and signals taken apart. Little-endian, which local peers of
// x86_64 are. Pure; nothing of a message is trusted before it was checked against its length.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

// Marshals values one after the other. What a container holds is written between begin_array and end_array; a struct or a
// dict entry begins with align(8).
class DbusWriter {
 public:
  void align(std::size_t to);
  void byte(std::uint8_t value);
  void number(std::uint32_t value);
  void number64(std::uint64_t value);
  void boolean(bool value) { number(value ? 1 : 0); }
  void text(std::string_view value);       // s and o
  void signature(std::string_view value);  // g, and in front of a variant's value

  // Returns the place that end_array() needs. `alignment`: of the element type, 8 for structs and dict entries.
  [[nodiscard]] std::size_t begin_array(std::size_t alignment);
  void end_array(std::size_t place, std::size_t alignment);

  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

 private:
  void put(std::size_t at, std::uint64_t value, std::size_t size);
  std::string bytes_;
};

struct DbusCall {
  std::string destination;
  std::string path;
  std::string interface;
  std::string member;
  std::string signature;  // of the body
  std::string body;       // a DbusWriter's bytes
};

// The whole message. The serial must not be 0.
[[nodiscard]] std::string encode_call(const DbusCall& call, std::uint32_t serial);

enum class DbusKind : std::uint8_t { call = 1, reply = 2, error = 3, signal = 4 };

struct DbusMessage {
  DbusKind kind = DbusKind::call;
  std::uint32_t reply_serial = 0;
  std::string path;
  std::string interface;
  std::string member;
  std::string error_name;
  std::string sender;
  std::string signature;
  std::string body;
};

inline constexpr std::size_t kDbusPrefix = 16;  // bytes that tell how long a message is
// What the first bytes tell about a message: enough to step over one that is of no use. A bus passes on what anybody sends,
// in the sender's byte order and up to the specification's 128 megabytes.
struct DbusFrame {
  std::size_t length = 0;
  bool is_answer = false;  // a reply or an error
  bool readable = false;   // little-endian and not of more than a megabyte
};
// Of the message that begins with these kDbusPrefix bytes. An error when they begin none: then nothing that follows can be
// found.
[[nodiscard]] Result<DbusFrame> dbus_frame(std::string_view prefix);
// A message of exactly that length.
[[nodiscard]] Result<DbusMessage> decode_message(std::string_view bytes);

// Reads what a DbusWriter writes. After a value that is not there every read gives "" or 0 and ok() is false.
class DbusReader {
 public:
  explicit DbusReader(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return at_ >= bytes_.size(); }
  void align(std::size_t to);
  std::uint8_t byte();
  std::uint32_t number();
  std::string text();
  std::string signature();

 private:
  std::string_view take(std::size_t count);
  std::string terminated(std::size_t length);
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace nucleus::sys
