#include "runtime/follower/dns_message.hpp"

#include <algorithm>

namespace nucleus::follower {
namespace {

constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kTypeOpt = 41;
constexpr std::uint16_t kQr = 0x8000;
constexpr std::uint16_t kOpcode = 0x7800;
constexpr std::uint16_t kAa = 0x0400;
constexpr std::uint16_t kTc = 0x0200;
constexpr std::uint16_t kRd = 0x0100;
constexpr std::uint16_t kRa = 0x0080;
constexpr std::uint16_t kCd = 0x0010;
constexpr std::uint16_t kUdpLimit = 1232;  // no fragments on any path (DNS flag day 2020)
constexpr std::uint16_t kNameOfQuestion = 0xc00c;
constexpr std::uint16_t kOptionEde = 15;
constexpr std::uint16_t kEdeProhibited = 18;
constexpr std::uint32_t kBadVersion = 1U << 24U;  // the upper eight bits of BADVERS (16), in an OPT record's TTL

void put16(std::string& out, std::size_t value) {
  out.push_back(static_cast<char>(value >> 8U & 0xffU));
  out.push_back(static_cast<char>(value & 0xffU));
}

void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16U);
  put16(out, value & 0xffffU);
}

void put_opt(std::string& out, std::uint32_t ttl, bool prohibited) {
  out.push_back('\0');
  put16(out, kTypeOpt);
  put16(out, kUdpLimit);
  put32(out, ttl);
  put16(out, prohibited ? 6 : 0);
  if (prohibited) {
    put16(out, kOptionEde);
    put16(out, 2);
    put16(out, kEdeProhibited);
  }
}

struct Header {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::uint16_t questions = 0;
  std::uint16_t answers = 0;
  std::uint16_t authorities = 0;
  std::uint16_t additionals = 0;
};

void put_header(std::string& out, const Header& header) {
  for (const std::uint16_t value :
       {header.id, header.flags, header.questions, header.answers, header.authorities, header.additionals}) {
    put16(out, value);
  }
}

std::uint16_t reply_flags(std::uint16_t asked, Rcode rcode) {
  return static_cast<std::uint16_t>(kQr | (asked & (kOpcode | kRd | kCd)) | kRa | static_cast<std::uint16_t>(rcode));
}

Reject reject(const Header& header, Rcode rcode) {
  Reject result;
  put_header(result.reply, {header.id, reply_flags(header.flags, rcode), 0, 0, 0, 0});
  return result;
}

Reject reject_version(const Header& header) {
  Reject result;
  put_header(result.reply, {header.id, reply_flags(header.flags, Rcode::noerror), 0, 0, 0, 1});
  put_opt(result.reply, kBadVersion, false);
  return result;
}

// The EDNS record, which stands alone in the additional section.
enum class Opt : std::uint8_t { fine, malformed, version };
Opt read_opt(Reader& reader, Question& question) {
  const auto root = reader.u8();
  const auto type = reader.u16();
  const auto size = reader.u16();
  const auto ttl = reader.u32();
  const auto length = reader.u16();
  if (root != 0 || type != kTypeOpt || !size || !ttl || !length || !reader.take(*length)) {
    return Opt::malformed;
  }
  question.edns = true;
  question.udp_limit = std::max<std::uint16_t>(512, *size);
  return (*ttl >> 16U & 0xffU) == 0 ? Opt::fine : Opt::version;
}

std::variant<Question, Reject> read_body(Reader& reader, const Header& header) {
  Question question;
  question.id = header.id;
  question.recursion_desired = (header.flags & kRd) != 0;
  question.checking_disabled = (header.flags & kCd) != 0;
  auto name = read_plain_name(reader);
  const auto type = reader.u16();
  const auto query_class = reader.u16();
  if (!name || !type || !query_class) {
    return reject(header, Rcode::formerr);
  }
  question.name = std::move(*name);
  question.type = *type;
  const Opt opt = header.additionals == 0 ? Opt::fine : read_opt(reader, question);
  if (opt == Opt::malformed || !reader.at_end()) {
    return reject(header, Rcode::formerr);
  }
  if (opt == Opt::version) {
    return reject_version(header);
  }
  if (*query_class != kClassIn) {
    return reject(header, Rcode::refused);
  }
  return question;
}

std::string compose(const Question& question, const Answer& answer, bool truncated) {
  const std::size_t count = truncated ? 0 : answer.addresses.size();
  std::uint16_t flags = reply_flags(0, answer.rcode);
  flags |= question.recursion_desired ? kRd : 0;
  flags |= question.checking_disabled ? kCd : 0;
  flags |= truncated ? kTc : 0;
  std::string out;
  put_header(out, {question.id, flags, 1, static_cast<std::uint16_t>(count), 0,
                   static_cast<std::uint16_t>(question.edns ? 1 : 0)});
  out.append(question.name.begin(), question.name.end());
  put16(out, question.type);
  put16(out, kClassIn);
  for (std::size_t i = 0; i < count; ++i) {
    const Address& address = answer.addresses[i];
    const std::size_t length = address.v6 ? 16 : 4;
    put16(out, kNameOfQuestion);
    put16(out, address.v6 ? kTypeAaaa : kTypeA);
    put16(out, kClassIn);
    put32(out, answer.ttl);
    put16(out, length);
    out.append(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(length));
  }
  if (question.edns) {
    put_opt(out, 0, answer.prohibited);
  }
  return out;
}

}  // namespace

std::variant<Question, Reject> parse_question(std::string_view bytes) {
  Reader reader(bytes);
  Header header;
  for (std::uint16_t* field :
       {&header.id, &header.flags, &header.questions, &header.answers, &header.authorities, &header.additionals}) {
    const auto value = reader.u16();
    if (!value) {
      return Reject{};
    }
    *field = *value;
  }
  if ((header.flags & kQr) != 0) {
    return Reject{};
  }
  if ((header.flags & kOpcode) != 0) {
    return reject(header, Rcode::notimp);
  }
  const bool shape = header.questions == 1 && header.answers == 0 && header.authorities == 0 && header.additionals <= 1;
  if (!shape || (header.flags & (kAa | kTc | 0xfU)) != 0) {
    return reject(header, Rcode::formerr);
  }
  return read_body(reader, header);
}

std::string compose_reply(const Question& question, const Answer& answer, Carrier carrier) {
  std::string reply = compose(question, answer, false);
  const std::size_t limit = question.edns ? std::min(question.udp_limit, kUdpLimit) : 512;
  return carrier == Carrier::udp && reply.size() > limit ? compose(question, answer, true) : reply;
}

std::string compose_query(std::uint16_t id, const WireName& name, std::uint16_t type) {
  std::string out;
  put_header(out, {id, kRd, 1, 0, 0, 0});
  out.append(name.begin(), name.end());
  put16(out, type);
  put16(out, kClassIn);
  return out;
}

}  // namespace nucleus::follower
