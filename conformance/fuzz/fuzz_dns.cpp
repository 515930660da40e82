// DNS messages of a hostile container (first byte even) and of a hostile resolver (odd). What is taken as a question can be
// asked and replied to; what is taken as an answer is bounded and opens nothing special.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "conformance/fuzz/require.hpp"
#include "runtime/follower/allowed_names.hpp"
#include "runtime/follower/dns_answer.hpp"
#include "runtime/follower/dns_message.hpp"

namespace {

using namespace nucleus::follower;

const WireName& asked_name() {
  static const WireName name = wire_of("www.example.com").value();
  return name;
}

const AllowedNames& allowed() {
  static const AllowedNames names = AllowedNames::make({{"www.example.com", {{443, 443}}, true, false, true}}).value();
  return names;
}

void check_question(std::string_view bytes) {
  const auto parsed = parse_question(bytes);
  if (const auto* rejected = std::get_if<Reject>(&parsed)) {
    REQUIRE(rejected->reply.empty() ||
            (rejected->reply.size() >= 12 && rejected->reply.substr(0, 2) == bytes.substr(0, 2)));
    return;
  }
  const auto& question = std::get<Question>(parsed);
  REQUIRE(question.name.size() <= kNameLimit);
  const std::string text = text_of(question.name);
  REQUIRE(std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; }));
  if (const auto back = wire_of(text)) {
    REQUIRE(same_name(*back, question.name));
  }
  const auto again = parse_question(compose_query(question.id, question.name, question.type));
  REQUIRE(std::holds_alternative<Question>(again));
  REQUIRE(std::get<Question>(again).name == question.name);
  Answer answer;
  answer.addresses.assign(kAddressesPerAnswer, Address{question.type == kTypeAaaa, {}});
  REQUIRE(compose_reply(question, answer, Carrier::udp).size() <= 1232);
  REQUIRE(compose_reply(question, answer, Carrier::udp).substr(0, 2) == bytes.substr(0, 2));
}

void check_answer(std::string_view bytes, std::uint16_t type) {
  const auto answer = parse_answer(bytes, asked_name(), type);
  if (!answer) {
    return;
  }
  REQUIRE(answer->addresses.size() <= kAddressesPerAnswer);
  REQUIRE(answer->rcode == Rcode::noerror || answer->addresses.empty());
  for (const Address& address : answer->addresses) {
    REQUIRE(address.v6 == (type == kTypeAaaa));
    REQUIRE(std::count(answer->addresses.begin(), answer->addresses.end(), address) == 1);
    REQUIRE(allowed().grants("www.example.com", address).empty() == (reach_of(address) == Reach::special));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    check_question(bytes);
  } else {
    check_answer(bytes, (data[0] & 2) != 0 ? kTypeAaaa : kTypeA);
  }
  return 0;
}
