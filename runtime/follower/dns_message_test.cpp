#include "runtime/follower/dns_message.hpp"

#include <gtest/gtest.h>

namespace nucleus::follower {
namespace {

using namespace std::string_literals;

const std::string kName = "\7Example\3com\0"s;
const std::string kHead = "\x12\x34\x01\x00\0\1\0\0\0\0\0\0"s;
const std::string kHeadEdns = "\x12\x34\x01\x00\0\1\0\0\0\0\0\1"s;
const std::string kA = "\0\1\0\1"s;
const std::string kAaaa = "\0\x1c\0\1"s;

std::string opt(const std::string& size = "\x04\xd0"s, const std::string& ttl = "\0\0\0\0"s,
                const std::string& data = "") {
  return "\0\0\x29"s + size + ttl + "\0"s + static_cast<char>(data.size()) + data;
}

Question question(const std::string& bytes) {
  const auto parsed = parse_question(bytes);
  EXPECT_TRUE(std::holds_alternative<Question>(parsed));
  return std::holds_alternative<Question>(parsed) ? std::get<Question>(parsed) : Question{};
}

// The rejection's RCODE; -1: taken as a question, -2: no reply.
int rejection(const std::string& bytes) {
  const auto parsed = parse_question(bytes);
  if (std::holds_alternative<Question>(parsed)) {
    return -1;
  }
  const std::string reply = std::get<Reject>(parsed).reply;
  if (reply.empty()) {
    return -2;
  }
  EXPECT_GE(reply.size(), 12U);
  EXPECT_EQ(reply.substr(0, 2), "\x12\x34");
  EXPECT_NE(reply[2] & 0x80, 0);
  return reply[3] & 0xf;
}

Answer error(Rcode rcode) {
  Answer answer;
  answer.rcode = rcode;
  return answer;
}

TEST(DnsQuestion, IsRead) {
  const Question asked = question(kHead + kName + kA);
  EXPECT_EQ(asked.id, 0x1234);
  EXPECT_EQ(asked.type, kTypeA);
  EXPECT_TRUE(asked.recursion_desired);
  EXPECT_EQ(std::string(asked.name.begin(), asked.name.end()), kName);
  EXPECT_FALSE(asked.edns);
  EXPECT_EQ(asked.udp_limit, 512);
}

TEST(DnsQuestion, WithEdns) {
  const Question asked = question(kHeadEdns + kName + kA + opt());
  EXPECT_TRUE(asked.edns);
  EXPECT_EQ(asked.udp_limit, 1232);
  EXPECT_EQ(question(kHeadEdns + kName + kA + opt("\0\1"s)).udp_limit, 512);
  EXPECT_TRUE(question(kHeadEdns + kName + kA + opt("\x04\xd0"s, "\0\0\x80\0"s, "\0\x0a\0\2ab"s)).edns);
}

TEST(DnsQuestion, OtherVersionsOfEdns) {
  const auto parsed = parse_question(kHeadEdns + kName + kA + opt("\x04\xd0"s, "\0\1\0\0"s));
  ASSERT_TRUE(std::holds_alternative<Reject>(parsed));
  EXPECT_EQ(std::get<Reject>(parsed).reply, "\x12\x34\x81\x80\0\0\0\0\0\0\0\1\0\0\x29\x04\xd0\1\0\0\0\0\0"s);
}

TEST(DnsQuestion, WhatIsNone) {
  EXPECT_EQ(rejection(""), -2);
  EXPECT_EQ(rejection(kHead.substr(0, 11)), -2);
  EXPECT_EQ(rejection("\x12\x34\x81\x00\0\1\0\0\0\0\0\0"s + kName + kA), -2) << "a reply";
  EXPECT_EQ(rejection("\x12\x34\x28\x00\0\1\0\0\0\0\0\0"s + kName + kA), 4) << "UPDATE";
  EXPECT_EQ(rejection("\x12\x34\x01\x00\0\0\0\0\0\0\0\0"s), 1) << "no question";
  EXPECT_EQ(rejection("\x12\x34\x01\x00\0\2\0\0\0\0\0\0"s + kName + kA + kName + kA), 1) << "two questions";
  EXPECT_EQ(rejection("\x12\x34\x01\x00\0\1\0\1\0\0\0\0"s + kName + kA), 1) << "an answer";
  EXPECT_EQ(rejection("\x12\x34\x01\x00\0\1\0\0\0\1\0\0"s + kName + kA), 1) << "an authority";
  EXPECT_EQ(rejection("\x12\x34\x01\x00\0\1\0\0\0\0\0\2"s + kName + kA + opt() + opt()), 1) << "two additionals";
  EXPECT_EQ(rejection("\x12\x34\x03\x00\0\1\0\0\0\0\0\0"s + kName + kA), 1) << "TC";
  EXPECT_EQ(rejection("\x12\x34\x01\x03\0\1\0\0\0\0\0\0"s + kName + kA), 1) << "an RCODE";
  EXPECT_EQ(rejection(kHead + kName + kA + "x"), 1) << "a byte too many";
  EXPECT_EQ(rejection(kHead + kName + "\0\1\0"s), 1);
  EXPECT_EQ(rejection(kHead + "\xc0\x0c"s + kA), 1) << "a pointer";
  EXPECT_EQ(rejection(kHead + kName + "\0\1\0\3"s), 5) << "CHAOS";
  EXPECT_EQ(rejection(kHeadEdns + kName + kA), 1) << "no record";
  EXPECT_EQ(rejection(kHeadEdns + kName + kA + "\0\0\1\0\1\0\0\0\0\0\0"s), 1) << "another record";
  EXPECT_EQ(rejection(kHeadEdns + kName + kA + opt() + "x"), 1);
  std::string cut = kHeadEdns + kName + kA + opt("\x04\xd0"s, "\0\0\0\0"s, "abcd");
  EXPECT_EQ(rejection(cut.substr(0, cut.size() - 1)), 1);
}

TEST(DnsQuestion, EveryPrefixOfAQuestionIsRejected) {
  const std::string whole = kHeadEdns + kName + kA + opt("\x04\xd0"s, "\0\0\0\0"s, "abcd");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_TRUE(std::holds_alternative<Reject>(parse_question(whole.substr(0, length)))) << length;
  }
}

TEST(DnsReply, Addresses) {
  const Answer answer{Rcode::noerror, {*parse_address("192.0.2.1"), *parse_address("192.0.2.2")}, 300, false};
  EXPECT_EQ(compose_reply(question(kHead + kName + kA), answer, Carrier::udp),
            "\x12\x34\x81\x80\0\1\0\2\0\0\0\0"s + kName + kA + "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"s +
                "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\2"s);
  const Answer six{Rcode::noerror, {*parse_address("2001:db8::1")}, 1, false};
  EXPECT_EQ(compose_reply(question(kHead + kName + kAaaa), six, Carrier::udp),
            "\x12\x34\x81\x80\0\1\0\1\0\0\0\0"s + kName + kAaaa +
                "\xc0\x0c\0\x1c\0\1\0\0\0\1\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"s);
}

TEST(DnsReply, ErrorsAndFlags) {
  const std::string refused = compose_reply(question(kHead + kName + kA), error(Rcode::refused), Carrier::udp);
  EXPECT_EQ(refused, "\x12\x34\x81\x85\0\1\0\0\0\0\0\0"s + kName + kA);
  const std::string quiet = "\x12\x34\x00\x10\0\1\0\0\0\0\0\0"s;
  EXPECT_EQ(compose_reply(question(quiet + kName + kA), error(Rcode::nxdomain), Carrier::udp),
            "\x12\x34\x80\x93\0\1\0\0\0\0\0\0"s + kName + kA)
      << "CD is kept, RD was not asked";
}

TEST(DnsReply, SaysThatPolicyForbade) {
  Answer answer = error(Rcode::refused);
  answer.prohibited = true;
  EXPECT_EQ(compose_reply(question(kHeadEdns + kName + kA + opt()), answer, Carrier::udp),
            "\x12\x34\x81\x85\0\1\0\0\0\0\0\1"s + kName + kA + "\0\0\x29\x04\xd0\0\0\0\0\0\6\0\x0f\0\2\0\x12"s);
  EXPECT_EQ(compose_reply(question(kHead + kName + kA), answer, Carrier::udp).size(), 12 + kName.size() + 4);
}

TEST(DnsReply, TooLongForADatagram) {
  Answer answer{Rcode::noerror, std::vector<Address>(64, *parse_address("192.0.2.1")), 1, false};
  const std::string cut = compose_reply(question(kHead + kName + kA), answer, Carrier::udp);
  EXPECT_EQ(cut, "\x12\x34\x83\x80\0\1\0\0\0\0\0\0"s + kName + kA);
  EXPECT_EQ(compose_reply(question(kHead + kName + kA), answer, Carrier::tcp).size(), 12 + kName.size() + 4 + 64 * 16);
  EXPECT_EQ(compose_reply(question(kHeadEdns + kName + kA + opt()), answer, Carrier::udp).size(),
            12 + kName.size() + 4 + 64 * 16 + 11)
      << "fits in 1232";
  answer.addresses.resize(80, *parse_address("192.0.2.1"));
  EXPECT_LE(compose_reply(question(kHeadEdns + kName + kA + opt("\xff\xff"s)), answer, Carrier::udp).size(), 1232U);
}

TEST(DnsQuery, GoesUpstream) {
  EXPECT_EQ(compose_query(0xabcd, wire_of("example.com").value(), kTypeAaaa),
            "\xab\xcd\x01\x00\0\1\0\0\0\0\0\0\7example\3com\0\0\x1c\0\1"s);
}

}  // namespace
}  // namespace nucleus::follower
