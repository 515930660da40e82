// Strict: an attribute that would change what an expression does, and that we never send, makes it foreign.
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "runtime/sys/nftables_expression.hpp"

namespace nucleus::sys {
namespace {

using Reading = std::optional<nft::Expression>;

constexpr std::uint32_t kWordsPerWideRegister = NFT_REG_SIZE / NFT_REG32_SIZE;

// Registers 1 to 4 have 16 bytes each and are the same memory as the sixteen of 4 bytes.
std::optional<nft::Register> register_of(std::optional<std::uint32_t> number) {
  if (number && *number >= NFT_REG_1 && *number <= NFT_REG_4) {
    return static_cast<nft::Register>((*number - NFT_REG_1) * kWordsPerWideRegister);
  }
  if (number && *number >= NFT_REG32_00 && *number <= NFT_REG32_15) {
    return static_cast<nft::Register>(*number - NFT_REG32_00);
  }
  return std::nullopt;
}

std::optional<nft::Bytes> value_of(const Attributes& attributes, std::uint16_t type) {
  const auto data = attributes.nested(type);
  const auto value = data ? data->bytes(NFTA_DATA_VALUE) : std::nullopt;
  return value ? std::optional(as_bytes(*value)) : std::nullopt;
}

Reading read_meta(const Attributes& data) {
  const auto to = register_of(data.u32(NFTA_META_DREG));
  const auto key = data.u32(NFTA_META_KEY);
  if (!to || !key || data.has(NFTA_META_SREG)) {
    return std::nullopt;
  }
  switch (*key) {
    case NFT_META_NFPROTO:
      return nft::LoadMeta{nft::MetaKey::nfproto, *to};
    case NFT_META_L4PROTO:
      return nft::LoadMeta{nft::MetaKey::l4proto, *to};
    case NFT_META_OIF:
      return nft::LoadMeta{nft::MetaKey::oif, *to};
    case NFT_META_MARK:
      return nft::LoadMeta{nft::MetaKey::mark, *to};
    default:
      return std::nullopt;
  }
}

Reading read_payload(const Attributes& data) {
  const auto to = register_of(data.u32(NFTA_PAYLOAD_DREG));
  const auto base = data.u32(NFTA_PAYLOAD_BASE);
  const auto offset = data.u32(NFTA_PAYLOAD_OFFSET);
  const auto length = data.u32(NFTA_PAYLOAD_LEN);
  const bool known = is_either(base, NFT_PAYLOAD_NETWORK_HEADER, NFT_PAYLOAD_TRANSPORT_HEADER);
  if (!to || !known || !offset || !length || data.has(NFTA_PAYLOAD_SREG)) {
    return std::nullopt;
  }
  return nft::LoadPayload{base == NFT_PAYLOAD_NETWORK_HEADER ? nft::PayloadBase::network : nft::PayloadBase::transport,
                          *offset, *length, *to};
}

Reading read_ct(const Attributes& data) {
  const auto to = register_of(data.u32(NFTA_CT_DREG));
  if (!to || data.u32(NFTA_CT_KEY) != NFT_CT_STATE || data.has(NFTA_CT_SREG)) {
    return std::nullopt;
  }
  return nft::LoadCtState{*to};
}

Reading read_socket(const Attributes& data) {
  const auto to = register_of(data.u32(NFTA_SOCKET_DREG));
  const auto level = data.u32(NFTA_SOCKET_LEVEL);
  if (!to || !level || data.u32(NFTA_SOCKET_KEY) != NFT_SOCKET_CGROUPV2) {
    return std::nullopt;
  }
  return nft::LoadSocketCgroup{*level, *to};
}

Reading read_fib(const Attributes& data) {
  const auto to = register_of(data.u32(NFTA_FIB_DREG));
  if (!to || data.u32(NFTA_FIB_RESULT) != NFT_FIB_RESULT_ADDRTYPE || data.u32(NFTA_FIB_FLAGS) != NFTA_FIB_F_SADDR) {
    return std::nullopt;
  }
  return nft::LoadSourceType{*to};
}

Reading read_bitwise(const Attributes& data) {
  const auto from = register_of(data.u32(NFTA_BITWISE_SREG));
  const auto to = register_of(data.u32(NFTA_BITWISE_DREG));
  const auto mask = value_of(data, NFTA_BITWISE_MASK);
  const auto flip = value_of(data, NFTA_BITWISE_XOR);
  const bool is_mask = data.u32(NFTA_BITWISE_OP).value_or(NFT_BITWISE_BOOL) == NFT_BITWISE_BOOL && flip &&
                       std::all_of(flip->begin(), flip->end(), [](std::uint8_t byte) { return byte == 0; });
  if (!from || from != to || !mask || !is_mask || data.u32(NFTA_BITWISE_LEN) != mask->size()) {
    return std::nullopt;
  }
  return nft::Mask{*to, *mask};
}

Reading read_cmp(const Attributes& data) {
  const auto from = register_of(data.u32(NFTA_CMP_SREG));
  const auto op = data.u32(NFTA_CMP_OP);
  const auto value = value_of(data, NFTA_CMP_DATA);
  if (!from || !value || !is_either(op, NFT_CMP_EQ, NFT_CMP_NEQ)) {
    return std::nullopt;
  }
  return nft::Compare{op == NFT_CMP_EQ ? nft::CompareOp::equal : nft::CompareOp::not_equal, *from, *value};
}

Reading read_lookup(const Attributes& data) {
  const auto set = data.text(NFTA_LOOKUP_SET);
  const auto from = register_of(data.u32(NFTA_LOOKUP_SREG));
  if (!set || !from || data.has(NFTA_LOOKUP_DREG) || data.u32(NFTA_LOOKUP_FLAGS).value_or(0) != 0) {
    return std::nullopt;
  }
  return nft::Lookup{*set, *from};
}

Reading read_dynset(const Attributes& data) {
  const auto set = data.text(NFTA_DYNSET_SET_NAME);
  const auto from = register_of(data.u32(NFTA_DYNSET_SREG_KEY));
  const bool plain = data.u32(NFTA_DYNSET_OP) == NFT_DYNSET_OP_UPDATE && !data.has(NFTA_DYNSET_SREG_DATA) &&
                     data.u32(NFTA_DYNSET_FLAGS).value_or(0) == 0 && !data.has(NFTA_DYNSET_EXPR) &&
                     !data.has(NFTA_DYNSET_EXPRESSIONS);
  if (!set || !from || !plain) {
    return std::nullopt;
  }
  return nft::Update{*set, *from, data.u64(NFTA_DYNSET_TIMEOUT).value_or(0)};
}

Reading read_counter(const Attributes& /*data*/) { return nft::Count{}; }

using ReadFunction = Reading (*)(const Attributes&);
constexpr std::array<std::pair<std::string_view, ReadFunction>, 10> kReaders = {{{"meta", read_meta},
                                                                                 {"payload", read_payload},
                                                                                 {"ct", read_ct},
                                                                                 {"socket", read_socket},
                                                                                 {"fib", read_fib},
                                                                                 {"bitwise", read_bitwise},
                                                                                 {"cmp", read_cmp},
                                                                                 {"lookup", read_lookup},
                                                                                 {"dynset", read_dynset},
                                                                                 {"counter", read_counter}}};

class RuleReader {
 public:
  bool add(std::string_view element) {
    const auto outer = Attributes::parse(element);
    const auto name = outer ? outer->text(NFTA_EXPR_NAME) : std::nullopt;
    const auto data = outer && outer->has(NFTA_EXPR_DATA) ? outer->nested(NFTA_EXPR_DATA) : Attributes::parse({});
    if (!name || !data) {
      return false;
    }
    if (*name == "immediate") {
      return add_immediate(*data);
    }
    if (*name == "redir") {
      return add_redirect(*data);
    }
    const auto* const reader =
        std::find_if(kReaders.begin(), kReaders.end(), [&](const auto& entry) { return entry.first == *name; });
    Reading expression = reader != kReaders.end() ? reader->second(*data) : std::nullopt;
    if (!expression || port_) {
      return false;
    }
    if (std::holds_alternative<nft::Count>(*expression)) {
      rule_.counters.push_back(
          {data->u64(NFTA_COUNTER_PACKETS).value_or(0), data->u64(NFTA_COUNTER_BYTES).value_or(0)});
    }
    rule_.expressions.push_back(std::move(*expression));
    return true;
  }

  std::optional<RuleReading> finish() { return port_ ? std::nullopt : std::optional(std::move(rule_)); }

 private:
  struct Port {
    nft::Register reg;
    std::uint16_t value;
  };

  // A verdict, or the port of a redirection that follows at once.
  bool add_immediate(const Attributes& data) {
    const auto content = data.nested(NFTA_IMMEDIATE_DATA);
    if (!content || port_) {
      return false;
    }
    if (data.u32(NFTA_IMMEDIATE_DREG) == NFT_REG_VERDICT) {
      const auto verdict = content->nested(NFTA_DATA_VERDICT);
      const auto code = verdict ? verdict->u32(NFTA_VERDICT_CODE) : std::nullopt;
      if (!is_either(code, NF_ACCEPT, NF_DROP)) {
        return false;
      }
      rule_.expressions.emplace_back(nft::Decide{code == NF_ACCEPT ? nft::Verdict::accept : nft::Verdict::drop});
      return true;
    }
    const auto reg = register_of(data.u32(NFTA_IMMEDIATE_DREG));
    const auto value = content->bytes(NFTA_DATA_VALUE);
    if (!reg || !value || value->size() != sizeof(std::uint16_t)) {
      return false;
    }
    std::uint16_t port = 0;
    std::memcpy(&port, value->data(), sizeof(port));
    port_ = Port{*reg, ntohs(port)};
    return true;
  }

  bool add_redirect(const Attributes& data) {
    const auto first = register_of(data.u32(NFTA_REDIR_REG_PROTO_MIN));
    const bool has_last = data.has(NFTA_REDIR_REG_PROTO_MAX);
    const bool single = !has_last || register_of(data.u32(NFTA_REDIR_REG_PROTO_MAX)) == first;
    // NF_NAT_RANGE_PROTO_SPECIFIED, which the kernel adds.
    constexpr std::uint32_t kPortGiven = 2;
    if (!port_ || first != port_->reg || !single || (data.u32(NFTA_REDIR_FLAGS).value_or(0) & ~kPortGiven) != 0) {
      return false;
    }
    rule_.expressions.emplace_back(nft::RedirectTo{port_->value});
    port_.reset();
    return true;
  }

  RuleReading rule_;
  std::optional<Port> port_;
};

}  // namespace

std::optional<RuleReading> read_expressions(std::string_view list) {
  RuleReader reader;
  const bool known = for_each_attribute(list, [&](std::uint16_t type, std::string_view element) {
    return type == NFTA_LIST_ELEM && reader.add(element);
  });
  return known ? reader.finish() : std::nullopt;
}

}  // namespace nucleus::sys
