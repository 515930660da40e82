#include "runtime/sys/dbus_message.hpp"

#include <gtest/gtest.h>

#include "runtime/sys/systemd_message.hpp"

namespace nucleus::sys {
namespace {

// Made with libdbus 1.14 (dbus_message_marshal), little-endian.
constexpr const char* kStart =
    "6c0100013001000003000000b600000001016f00190000002f6f72672f667265656465736b746f702f73797374656d643100"
    "00000000000006017300180000006f72672e667265656465736b746f702e73797374656d6431000000000000000002017300"
    "200000006f72672e667265656465736b746f702e73797374656d64312e4d616e616765720000000000000000030173001200"
    "000053746172745472616e7369656e74556e6974000000000000080167001073736128737629612873612873762929000000"
    "070000006e2e73636f706500040000006661696c000000000c010000000000000800000044656c6567617465000162000100"
    "000000000000090000004d656d6f72794d61780001740000000000000000887766554433221105000000536c696365000173"
    "0000000007000000612e736c69636500000000000b000000416c6c6f77656443505573000261790003000000050001000000"
    "00000b000000446576696365416c6c6f7700056128737329000032000000000000000d0000002f6465762f636861722f313a"
    "330000000300000072776d000000000006000000636861722d2a0000010000006d000000000000000500000057616e747300"
    "0261730000000c00000007000000782e736c6963650004000000504944730002617500000000080000000700000067120000"
    "00000000";
constexpr const char* kSignal =
    "6c0401013d0000000c0000008a00000001016f00190000002f6f72672f667265656465736b746f702f73797374656d643100"
    "00000000000002017300200000006f72672e667265656465736b746f702e73797374656d64312e4d616e6167657200000000"
    "00000000030173000a0000004a6f6252656d6f76656400000000000007017300040000003a312e3000000000080167000475"
    "6f737300000000000000090000001f0000002f6f72672f667265656465736b746f702f73797374656d64312f6a6f622f3900"
    "070000006e2e73636f70650004000000646f6e6500";
constexpr const char* kError =
    "6c0301011d0000000d0000004d00000004017300230000006f72672e667265656465736b746f702e73797374656d64312e4e"
    "6f53756368556e697400000000000501750004000000080167000173000007017300040000003a312e300000000018000000"
    "556e6974206e2e73636f7065206e6f74206c6f616465642e00";

std::string from_hex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  }
  return out;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

TEST(DbusMessage, WritesWhatLibdbusWrites) {
  const std::vector<UnitProperty> properties = {
      {"Delegate", true},
      {"MemoryMax", std::uint64_t{0x1122334455667788}},
      {"Slice", std::string("a.slice")},
      {"AllowedCPUs", std::vector<std::uint8_t>{5, 0, 1}},
      {"DeviceAllow", std::vector<std::pair<std::string, std::string>>{{"/dev/char/1:3", "rwm"}, {"char-*", "m"}}},
      {"Wants", std::vector<std::string>{"x.slice"}}};
  const pid_t pids[] = {7, 4711};
  const DbusCall call{"org.freedesktop.systemd1",         "/org/freedesktop/systemd1",
                      "org.freedesktop.systemd1.Manager", "StartTransientUnit",
                      kStartTransientSignature,           start_transient_body("n.scope", properties, pids)};
  EXPECT_EQ(to_hex(encode_call(call, 3)), kStart);
}

TEST(DbusMessage, ReadsASignal) {
  const std::string bytes = from_hex(kSignal);
  const auto frame = dbus_frame(std::string_view(bytes).substr(0, kDbusPrefix)).value();
  EXPECT_EQ(frame.length, bytes.size());
  EXPECT_TRUE(frame.readable && !frame.is_answer);
  const auto message = decode_message(bytes).value();
  EXPECT_EQ(message.kind, DbusKind::signal);
  EXPECT_EQ(message.path, "/org/freedesktop/systemd1");
  EXPECT_EQ(message.interface, "org.freedesktop.systemd1.Manager");
  EXPECT_EQ(message.member, "JobRemoved");
  EXPECT_EQ(message.sender, ":1.0");
  EXPECT_EQ(message.signature, "uoss");
  DbusReader in(message.body);
  EXPECT_EQ(in.number(), 9U);
  EXPECT_EQ(in.text(), "/org/freedesktop/systemd1/job/9");
  EXPECT_EQ(in.text(), "n.scope");
  EXPECT_EQ(in.text(), "done");
  EXPECT_TRUE(in.ok() && in.at_end());
  EXPECT_EQ(in.text(), "");
  EXPECT_FALSE(in.ok());
}

TEST(DbusMessage, ReadsAnError) {
  const auto message = decode_message(from_hex(kError)).value();
  EXPECT_EQ(message.kind, DbusKind::error);
  EXPECT_EQ(message.reply_serial, 4U);
  EXPECT_EQ(message.error_name, "org.freedesktop.systemd1.NoSuchUnit");
  EXPECT_EQ(DbusReader(message.body).text(), "Unit n.scope not loaded.");
}

// Whatever a peer sends: an error, or a message whose parts lie within what was sent.
TEST(DbusMessage, EveryCutAndEveryChangedByteIsSurvived) {
  for (const char* sample : {kSignal, kError}) {
    const std::string whole = from_hex(sample);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(decode_message(whole.substr(0, size))) << size;
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const char value : {'\0', '\1', '\x7f', '\xff'}) {
        std::string changed = whole;
        changed[at] = value;
        const auto message = decode_message(changed);
        EXPECT_TRUE(!message || message->body.size() + message->path.size() <= changed.size());
      }
    }
  }
}

TEST(DbusMessage, KnowsTheLengthOfWhatItCannotRead) {
  std::string big_endian = from_hex(kSignal).substr(0, kDbusPrefix);
  const std::size_t length = dbus_frame(big_endian)->length;
  big_endian[0] = 'B';
  std::swap(big_endian[4], big_endian[7]);
  std::swap(big_endian[12], big_endian[15]);
  EXPECT_EQ(dbus_frame(big_endian)->length, length);
  EXPECT_FALSE(dbus_frame(big_endian)->readable);
  std::string huge = from_hex(kSignal).substr(0, kDbusPrefix);
  huge[7] = 1;  // a body of 16 megabytes more
  EXPECT_EQ(dbus_frame(huge)->length, length + (1 << 24));
  EXPECT_FALSE(dbus_frame(huge)->readable);
  EXPECT_TRUE(dbus_frame(from_hex(kError).substr(0, kDbusPrefix))->is_answer);
}

TEST(DbusMessage, WhatBeginsNoMessageIsAnError) {
  std::string endless = from_hex(kSignal).substr(0, kDbusPrefix);
  endless[7] = 9;
  EXPECT_FALSE(dbus_frame(endless));
  EXPECT_FALSE(dbus_frame("l"));
  EXPECT_FALSE(dbus_frame("HTTP/1.1 400 Bad"));
}

}  // namespace
}  // namespace nucleus::sys
