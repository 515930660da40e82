#include "runtime/sys/nftables_decode.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "runtime/sys/nftables_expression.hpp"
#include "runtime/sys/nftables_socket.hpp"
#include "runtime/sys/nftables_userdata.hpp"

namespace nucleus::sys {
namespace {

Status foreign(const std::string& what) { return nftables_error(what, EBADMSG); }

// All messages have the table's name in the same attribute.
constexpr std::uint16_t kTableName = 1;
static_assert(NFTA_TABLE_NAME == int{kTableName} && NFTA_CHAIN_TABLE == int{kTableName} &&
              NFTA_RULE_TABLE == int{kTableName} && NFTA_SET_TABLE == int{kTableName} &&
              NFTA_SET_ELEM_LIST_TABLE == int{kTableName});

Status decode_table(const Attributes& attributes, NftReading& reading) {
  if ((attributes.u32(NFTA_TABLE_FLAGS).value_or(0) & NFT_TABLE_F_DORMANT) != 0) {
    return foreign("a table that is switched off");
  }
  if (const auto data = attributes.bytes(NFTA_TABLE_USERDATA)) {
    reading.comment = comment_of(*data).value_or("");
  }
  return {};
}

std::optional<nft::ChainType> chain_type(const std::optional<std::string>& name) {
  if (name == "filter") {
    return nft::ChainType::filter;
  }
  return name == "nat" ? std::optional(nft::ChainType::nat) : std::nullopt;
}

std::optional<nft::Hook> hook_of(std::optional<std::uint32_t> number) {
  switch (number.value_or(NF_INET_NUMHOOKS)) {
    case NF_INET_LOCAL_OUT:
      return nft::Hook::output;
    case NF_INET_FORWARD:
      return nft::Hook::forward;
    case NF_INET_POST_ROUTING:
      return nft::Hook::postrouting;
    default:
      return std::nullopt;
  }
}

Status decode_chain(const Attributes& attributes, NftReading& reading) {
  const auto name = attributes.text(NFTA_CHAIN_NAME);
  const auto hook = attributes.nested(NFTA_CHAIN_HOOK);
  const auto type = chain_type(attributes.text(NFTA_CHAIN_TYPE));
  const auto policy = attributes.u32(NFTA_CHAIN_POLICY);
  const auto place = hook_of(hook ? hook->u32(NFTA_HOOK_HOOKNUM) : std::nullopt);
  const auto priority = hook ? hook->u32(NFTA_HOOK_PRIORITY) : std::nullopt;
  if (!name || !type || !place || !priority || !is_either(policy, NF_ACCEPT, NF_DROP)) {
    return foreign("chain " + name.value_or("without a name"));
  }
  reading.chains.push_back({*name,
                            *type,
                            static_cast<std::int32_t>(*priority),
                            policy == NF_ACCEPT ? nft::Verdict::accept : nft::Verdict::drop,
                            {},
                            *place});
  return {};
}

Status decode_rule(const Attributes& attributes, NftReading& reading) {
  const auto name = attributes.text(NFTA_RULE_CHAIN);
  const auto chain = std::find_if(reading.chains.begin(), reading.chains.end(),
                                  [&](const nft::Chain& candidate) { return candidate.name == name; });
  if (chain == reading.chains.end()) {
    return foreign("rule of chain " + name.value_or("without a name"));
  }
  const auto number = static_cast<unsigned>(chain->rules.size());
  auto rule = read_expressions(attributes.bytes(NFTA_RULE_EXPRESSIONS).value_or(""));
  if (!rule) {
    return foreign("rule " + std::to_string(number + 1) + " of " + chain->name);
  }
  for (const CounterValue& counter : rule->counters) {
    reading.counters.push_back({chain->name, number, counter.packets, counter.bytes});
  }
  chain->rules.push_back({std::move(rule->expressions), ""});
  return {};
}

constexpr std::uint32_t kKnownSetFlags =
    NFT_SET_CONSTANT | NFT_SET_INTERVAL | NFT_SET_TIMEOUT | NFT_SET_EVAL | NFT_SET_CONCAT;

Status decode_set(const Attributes& attributes, NftReading& reading) {
  const auto name = attributes.text(NFTA_SET_NAME);
  const auto flags = attributes.u32(NFTA_SET_FLAGS).value_or(0);
  const auto fields = fields_of_key_type(attributes.u32(NFTA_SET_KEY_TYPE).value_or(0));
  if (!name || !fields || (flags & ~kKnownSetFlags) != 0 || attributes.u32(NFTA_SET_KEY_LEN) != key_length(*fields)) {
    return foreign("set " + name.value_or("without a name"));
  }
  nft::Set set{.name = *name, .fields = *fields, .elements = {}};
  set.interval = (flags & NFT_SET_INTERVAL) != 0;
  set.dynamic = (flags & NFT_SET_EVAL) != 0;
  set.timeout = (flags & NFT_SET_TIMEOUT) != 0;
  set.timeout_ms = attributes.u64(NFTA_SET_TIMEOUT).value_or(0);
  const auto description = attributes.nested(NFTA_SET_DESC);
  set.size = description ? description->u32(NFTA_SET_DESC_SIZE).value_or(0) : 0;
  reading.sets.push_back({std::move(set), {}});
  return {};
}

std::optional<nft::Bytes> key_of(const Attributes& attributes, std::uint16_t type, std::size_t length) {
  const auto data = attributes.nested(type);
  const auto value = data ? data->bytes(NFTA_DATA_VALUE) : std::nullopt;
  return value && value->size() == length ? std::optional(as_bytes(*value)) : std::nullopt;
}

bool decode_element(std::string_view content, NftReading::Set& set) {
  const auto attributes = Attributes::parse(content);
  if (!attributes || attributes->u32(NFTA_SET_ELEM_FLAGS).value_or(0) != 0) {
    return false;
  }
  const std::size_t length = key_length(set.shape.fields);
  const auto first = key_of(*attributes, NFTA_SET_ELEM_KEY, length);
  const bool has_last = attributes->has(NFTA_SET_ELEM_KEY_END);
  const auto last = has_last ? key_of(*attributes, NFTA_SET_ELEM_KEY_END, length) : first;
  if (!first || !last || (has_last && !set.shape.interval)) {
    return false;
  }
  set.elements.push_back(
      {{*first, set.shape.interval ? *last : nft::Bytes{}, attributes->u64(NFTA_SET_ELEM_TIMEOUT).value_or(0)},
       attributes->u64(NFTA_SET_ELEM_EXPIRATION).value_or(0)});
  return true;
}

Status decode_elements(const Attributes& attributes, NftReading& reading) {
  const auto name = attributes.text(NFTA_SET_ELEM_LIST_SET);
  const auto set = std::find_if(reading.sets.begin(), reading.sets.end(),
                                [&](const NftReading::Set& candidate) { return candidate.shape.name == name; });
  const bool known =
      set != reading.sets.end() && for_each_attribute(attributes.bytes(NFTA_SET_ELEM_LIST_ELEMENTS).value_or(""),
                                                      [&](std::uint16_t type, std::string_view content) {
                                                        return type == NFTA_LIST_ELEM && decode_element(content, *set);
                                                      });
  return known ? Status{} : foreign("elements of set " + name.value_or("without a name"));
}

}  // namespace

Status decode_message(std::uint16_t type, std::string_view body, const std::string& table, NftReading& reading) {
  if (type >> 8U != NFNL_SUBSYS_NFTABLES) {
    return {};
  }
  const auto attributes = Attributes::parse(body);
  if (!attributes) {
    return foreign("answer");
  }
  if (attributes->text(kTableName) != table) {
    return {};
  }
  switch (type & 0xFFU) {
    case NFT_MSG_NEWTABLE:
      return decode_table(*attributes, reading);
    case NFT_MSG_NEWCHAIN:
      return decode_chain(*attributes, reading);
    case NFT_MSG_NEWRULE:
      return decode_rule(*attributes, reading);
    case NFT_MSG_NEWSET:
      return decode_set(*attributes, reading);
    case NFT_MSG_NEWSETELEM:
      return decode_elements(*attributes, reading);
    default:
      return {};
  }
}

void sort_elements(NftReading& reading) {
  for (NftReading::Set& set : reading.sets) {
    std::sort(set.elements.begin(), set.elements.end(), [](const auto& a, const auto& b) {
      return std::tie(a.element.first, a.element.last) < std::tie(b.element.first, b.element.last);
    });
  }
}

Result<NftReading> decode_messages(std::string_view bytes, const std::string& table) {
  NftReading reading;
  while (!bytes.empty()) {
    auto message = take_message(bytes);
    if (!message || !take_family_header(message->body)) {
      return nftables_error("message", EBADMSG);
    }
    TRY(decode_message(message->type, message->body, table, reading));
  }
  sort_elements(reading);
  return reading;
}

const NftReading::Set* NftReading::find_set(const std::string& name) const {
  const auto found =
      std::find_if(sets.begin(), sets.end(), [&](const NftReading::Set& set) { return set.shape.name == name; });
  return found == sets.end() ? nullptr : &*found;
}

}  // namespace nucleus::sys
