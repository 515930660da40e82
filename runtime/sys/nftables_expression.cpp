#include "runtime/sys/nftables_expression.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <cstring>
#include <type_traits>

namespace nucleus::sys {
namespace {

constexpr std::size_t kRegisterSize = NFT_REG32_SIZE;
constexpr std::size_t kRegisterCount = NFT_REG32_COUNT;
// A redirection takes its port from a register that no rule of ours still needs at that point.
constexpr nft::Register kPortRegister = 0;

std::uint32_t register_number(nft::Register index) { return NFT_REG32_00 + std::uint32_t{index}; }

std::uint32_t meta_number(nft::MetaKey key) {
  switch (key) {
    case nft::MetaKey::nfproto:
      return NFT_META_NFPROTO;
    case nft::MetaKey::l4proto:
      return NFT_META_L4PROTO;
    case nft::MetaKey::oif:
      return NFT_META_OIF;
    case nft::MetaKey::mark:
      return NFT_META_MARK;
  }
  return NFT_META_MARK;
}

std::uint32_t base_number(nft::PayloadBase base) {
  return base == nft::PayloadBase::network ? NFT_PAYLOAD_NETWORK_HEADER : NFT_PAYLOAD_TRANSPORT_HEADER;
}

std::string_view name_of(const nft::Expression& expression) {
  // In the order of the variant's alternatives.
  static constexpr std::string_view kNames[] = {"meta", "payload", "ct",     "socket",  "fib",   "bitwise",
                                                "cmp",  "lookup",  "dynset", "counter", "redir", "immediate"};
  static_assert(std::size(kNames) == std::variant_size_v<nft::Expression>);
  return kNames[expression.index()];
}

void write_value(MessageWriter& writer, std::uint16_t attribute, std::string_view value) {
  writer.nested(attribute, [&] { writer.bytes(NFTA_DATA_VALUE, value); });
}

void write_data(MessageWriter& writer, const nft::LoadMeta& load) {
  writer.u32(NFTA_META_KEY, meta_number(load.key));
  writer.u32(NFTA_META_DREG, register_number(load.to));
}
void write_data(MessageWriter& writer, const nft::LoadPayload& load) {
  writer.u32(NFTA_PAYLOAD_DREG, register_number(load.to));
  writer.u32(NFTA_PAYLOAD_BASE, base_number(load.base));
  writer.u32(NFTA_PAYLOAD_OFFSET, load.offset);
  writer.u32(NFTA_PAYLOAD_LEN, load.length);
}
void write_data(MessageWriter& writer, const nft::LoadCtState& load) {
  writer.u32(NFTA_CT_KEY, NFT_CT_STATE);
  writer.u32(NFTA_CT_DREG, register_number(load.to));
}
void write_data(MessageWriter& writer, const nft::LoadSocketCgroup& load) {
  writer.u32(NFTA_SOCKET_KEY, NFT_SOCKET_CGROUPV2);
  writer.u32(NFTA_SOCKET_DREG, register_number(load.to));
  writer.u32(NFTA_SOCKET_LEVEL, load.level);
}
void write_data(MessageWriter& writer, const nft::LoadSourceType& load) {
  writer.u32(NFTA_FIB_DREG, register_number(load.to));
  writer.u32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
  writer.u32(NFTA_FIB_FLAGS, NFTA_FIB_F_SADDR);
}
void write_data(MessageWriter& writer, const nft::Mask& mask) {
  writer.u32(NFTA_BITWISE_SREG, register_number(mask.reg));
  writer.u32(NFTA_BITWISE_DREG, register_number(mask.reg));
  writer.u32(NFTA_BITWISE_LEN, static_cast<std::uint32_t>(mask.mask.size()));
  write_value(writer, NFTA_BITWISE_MASK, as_text(mask.mask));
  write_value(writer, NFTA_BITWISE_XOR, std::string(mask.mask.size(), '\0'));
}
void write_data(MessageWriter& writer, const nft::Compare& compare) {
  writer.u32(NFTA_CMP_SREG, register_number(compare.reg));
  writer.u32(NFTA_CMP_OP, compare.op == nft::CompareOp::equal ? NFT_CMP_EQ : NFT_CMP_NEQ);
  write_value(writer, NFTA_CMP_DATA, as_text(compare.value));
}
void write_data(MessageWriter& writer, const nft::Lookup& lookup) {
  writer.text(NFTA_LOOKUP_SET, lookup.set);
  writer.u32(NFTA_LOOKUP_SREG, register_number(lookup.reg));
}
void write_data(MessageWriter& writer, const nft::Update& update) {
  writer.text(NFTA_DYNSET_SET_NAME, update.set);
  writer.u32(NFTA_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
  writer.u32(NFTA_DYNSET_SREG_KEY, register_number(update.reg));
  if (update.timeout_ms != 0) {
    writer.u64(NFTA_DYNSET_TIMEOUT, update.timeout_ms);
  }
}
void write_data(MessageWriter& /*writer*/, const nft::Count& /*count*/) {}
void write_data(MessageWriter& writer, const nft::RedirectTo& /*redirect*/) {
  writer.u32(NFTA_REDIR_REG_PROTO_MIN, register_number(kPortRegister));
}
void write_data(MessageWriter& writer, const nft::Decide& decide) {
  writer.u32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
  writer.nested(NFTA_IMMEDIATE_DATA, [&] {
    writer.nested(NFTA_DATA_VERDICT,
                  [&] { writer.u32(NFTA_VERDICT_CODE, decide.verdict == nft::Verdict::accept ? NF_ACCEPT : NF_DROP); });
  });
}

template <class Body>
void write_expression(MessageWriter& writer, std::string_view name, Body data) {
  writer.nested(NFTA_LIST_ELEM, [&] {
    writer.text(NFTA_EXPR_NAME, name);
    writer.nested(NFTA_EXPR_DATA, data);
  });
}

void write_port(MessageWriter& writer, std::uint16_t port) {
  const std::uint16_t in_network_order = htons(port);
  write_expression(writer, "immediate", [&] {
    writer.u32(NFTA_IMMEDIATE_DREG, register_number(kPortRegister));
    write_value(writer, NFTA_IMMEDIATE_DATA,
                {reinterpret_cast<const char*>(&in_network_order), sizeof(in_network_order)});
  });
}

bool is_set_name(const std::string& name) {
  return !name.empty() && name.size() < NFT_SET_MAXNAMELEN && name.find('\0') == std::string::npos;
}

struct Encodable {
  bool operator()(const nft::LoadMeta& load) const { return fits_registers(load.to, kRegisterSize); }
  bool operator()(const nft::LoadPayload& load) const {
    return load.length != 0 && load.offset <= UINT8_MAX && fits_registers(load.to, load.length);
  }
  bool operator()(const nft::LoadCtState& load) const { return fits_registers(load.to, kRegisterSize); }
  bool operator()(const nft::LoadSocketCgroup& load) const {
    return load.level <= UINT8_MAX && fits_registers(load.to, sizeof(std::uint64_t));
  }
  bool operator()(const nft::LoadSourceType& load) const { return fits_registers(load.to, kRegisterSize); }
  bool operator()(const nft::Mask& mask) const {
    return mask.mask.size() == kRegisterSize && fits_registers(mask.reg, mask.mask.size());
  }
  bool operator()(const nft::Compare& compare) const {
    return !compare.value.empty() && fits_registers(compare.reg, compare.value.size());
  }
  bool operator()(const nft::Lookup& lookup) const { return is_set_name(lookup.set) && fits_registers(lookup.reg, 1); }
  bool operator()(const nft::Update& update) const { return is_set_name(update.set) && fits_registers(update.reg, 1); }
  bool operator()(const nft::Count& /*count*/) const { return true; }
  bool operator()(const nft::RedirectTo& redirect) const { return redirect.port != 0; }
  bool operator()(const nft::Decide& /*decide*/) const { return true; }
};

}  // namespace

bool fits_registers(nft::Register first, std::size_t size) {
  return first < kRegisterCount && size <= (kRegisterCount - first) * kRegisterSize;
}

bool is_encodable(const nft::Expression& expression) { return std::visit(Encodable{}, expression); }

void write_expressions(MessageWriter& writer, const std::vector<nft::Expression>& expressions) {
  for (const nft::Expression& expression : expressions) {
    if (const auto* redirect = std::get_if<nft::RedirectTo>(&expression)) {
      write_port(writer, redirect->port);
    }
    write_expression(writer, name_of(expression),
                     [&] { std::visit([&](const auto& typed) { write_data(writer, typed); }, expression); });
  }
}

}  // namespace nucleus::sys
