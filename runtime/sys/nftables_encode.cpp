// Tables and changes of them as one transaction (NFNL_MSG_BATCH_BEGIN ... NFNL_MSG_BATCH_END, linux/netfilter/nfnetlink.h).
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>

#include "runtime/sys/nftables.hpp"
#include "runtime/sys/nftables_expression.hpp"
#include "runtime/sys/nftables_message.hpp"
#include "runtime/sys/nftables_userdata.hpp"

namespace nucleus::sys {
namespace {

// A nested attribute ends at 64 KB; one element takes at most 180 bytes.
constexpr std::size_t kElementBytesPerMessage = 60000;

// What a table without a long list takes, to save reallocations.
constexpr std::size_t kUsualSize = 4096;
constexpr std::size_t kUsualMessages = 24;

class BatchWriter {
 public:
  BatchWriter() : writer_(batch_.bytes) {
    batch_.bytes.reserve(kUsualSize);
    batch_.names.reserve(kUsualMessages);
    batch_.names.emplace_back("transaction");
    writer_.begin_message(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    writer_.end_message();
  }

  MessageWriter& begin(std::uint16_t message, unsigned flags, std::string name) {
    const auto sequence = static_cast<std::uint32_t>(batch_.names.size());
    batch_.names.push_back(std::move(name));
    writer_.begin_message(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | message),
                          static_cast<std::uint16_t>(NLM_F_REQUEST | flags), sequence, NFPROTO_INET);
    return writer_;
  }
  void end() { writer_.end_message(); }

  // The last message alone asks for an acknowledgement: failures of the others are reported anyhow.
  NftBatch finish() {
    if (batch_.names.size() > 1) {
      writer_.add_flags(NLM_F_ACK);
    }
    writer_.begin_message(NFNL_MSG_BATCH_END, NLM_F_REQUEST, static_cast<std::uint32_t>(batch_.names.size()), AF_UNSPEC,
                          NFNL_SUBSYS_NFTABLES);
    writer_.end_message();
    return std::move(batch_);
  }

 private:
  NftBatch batch_;
  MessageWriter writer_;
};

void write_key(MessageWriter& writer, std::uint16_t attribute, const nft::Bytes& key) {
  writer.nested(attribute, [&] { writer.bytes(NFTA_DATA_VALUE, as_text(key)); });
}

void write_element(MessageWriter& writer, const nft::Element& element) {
  writer.nested(NFTA_LIST_ELEM, [&] {
    write_key(writer, NFTA_SET_ELEM_KEY, element.first);
    // The kernel takes it as equal to the first where it is left out, but nft(8) prints nonsense then.
    if (!element.last.empty()) {
      write_key(writer, NFTA_SET_ELEM_KEY_END, element.last);
    }
    if (element.timeout_ms != 0) {
      writer.u64(NFTA_SET_ELEM_TIMEOUT, element.timeout_ms);
    }
  });
}

void add_elements(BatchWriter& batch, std::uint16_t message, unsigned flags, const std::string& table,
                  const std::string& set, const std::vector<nft::Element>& elements) {
  for (std::size_t next = 0; next < elements.size();) {
    MessageWriter& writer = batch.begin(
        message, flags, (message == NFT_MSG_DELSETELEM ? "elements out of set " : "elements of set ") + set);
    writer.text(NFTA_SET_ELEM_LIST_TABLE, table);
    writer.text(NFTA_SET_ELEM_LIST_SET, set);
    writer.nested(NFTA_SET_ELEM_LIST_ELEMENTS, [&] {
      while (next < elements.size() && writer.message_size() < kElementBytesPerMessage) {
        write_element(writer, elements[next++]);
      }
    });
    batch.end();
  }
}

std::uint32_t set_flags(const nft::Set& set) {
  std::uint32_t flags = 0;
  flags |= set.interval ? std::uint32_t{NFT_SET_INTERVAL | NFT_SET_CONCAT} : 0;
  flags |= set.dynamic ? std::uint32_t{NFT_SET_EVAL} : 0;
  flags |= set.timeout ? std::uint32_t{NFT_SET_TIMEOUT} : 0;
  return flags;
}

void write_description(MessageWriter& writer, const nft::Set& set) {
  if (set.size == 0 && !set.interval) {
    return;
  }
  writer.nested(NFTA_SET_DESC, [&] {
    if (set.size != 0) {
      writer.u32(NFTA_SET_DESC_SIZE, set.size);
    }
    if (set.interval) {
      writer.nested(NFTA_SET_DESC_CONCAT, [&] {
        for (const nft::Field field : set.fields) {
          writer.nested(NFTA_LIST_ELEM, [&] { writer.u32(NFTA_SET_FIELD_LEN, field_info(field).size); });
        }
      });
    }
  });
}

void add_set(BatchWriter& batch, const std::string& table, const nft::Set& set, std::uint32_t id) {
  MessageWriter& writer = batch.begin(NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL, "set " + set.name);
  writer.text(NFTA_SET_TABLE, table);
  writer.text(NFTA_SET_NAME, set.name);
  writer.u32(NFTA_SET_FLAGS, set_flags(set));
  writer.u32(NFTA_SET_KEY_TYPE, key_type(set.fields));
  writer.u32(NFTA_SET_KEY_LEN, key_length(set.fields));
  writer.u32(NFTA_SET_ID, id);
  write_description(writer, set);
  if (set.timeout_ms != 0) {
    writer.u64(NFTA_SET_TIMEOUT, set.timeout_ms);
  }
  writer.bytes(NFTA_SET_USERDATA, set_user_data(set.fields));
  batch.end();
  add_elements(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set.name, set.elements);
}

std::uint32_t hook_number(nft::Hook hook) {
  switch (hook) {
    case nft::Hook::output:
      return NF_INET_LOCAL_OUT;
    case nft::Hook::forward:
      return NF_INET_FORWARD;
    case nft::Hook::postrouting:
      break;
  }
  return NF_INET_POST_ROUTING;
}

void add_chain(BatchWriter& batch, const std::string& table, const nft::Chain& chain) {
  MessageWriter& writer = batch.begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, "chain " + chain.name);
  writer.text(NFTA_CHAIN_TABLE, table);
  writer.text(NFTA_CHAIN_NAME, chain.name);
  writer.nested(NFTA_CHAIN_HOOK, [&] {
    writer.u32(NFTA_HOOK_HOOKNUM, hook_number(chain.hook));
    writer.u32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(chain.priority));
  });
  writer.u32(NFTA_CHAIN_POLICY, chain.policy == nft::Verdict::accept ? NF_ACCEPT : NF_DROP);
  writer.text(NFTA_CHAIN_TYPE, chain.type == nft::ChainType::filter ? "filter" : "nat");
  batch.end();
}

void add_rules(BatchWriter& batch, const std::string& table, const nft::Chain& chain) {
  unsigned number = 0;
  for (const nft::Rule& rule : chain.rules) {
    MessageWriter& writer = batch.begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
                                        "rule " + std::to_string(++number) + " of " + chain.name);
    writer.text(NFTA_RULE_TABLE, table);
    writer.text(NFTA_RULE_CHAIN, chain.name);
    writer.nested(NFTA_RULE_EXPRESSIONS, [&] { write_expressions(writer, rule.expressions); });
    batch.end();
  }
}

// ---- what the kernel could not take ------------------------------------------------------------------------------

Status refuse(const std::string& what, std::string_view why) {
  return fail(ErrorCode::internal, "nftables: " + what + ": " + std::string(why));
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() < NFT_NAME_MAXLEN && name.find('\0') == std::string::npos;
}

Status check_set(const nft::Set& set) {
  const std::string what = "set " + set.name;
  if (!is_name(set.name) || set.fields.empty() || set.fields.size() > kMaxFields ||
      key_length(set.fields) > NFT_DATA_VALUE_MAXLEN) {
    return refuse(what, "its name or key has a length that nf_tables does not take");
  }
  if (set.interval && set.fields.size() < 2) {
    return refuse(what, "intervals of a single field are not supported");
  }
  const std::size_t length = key_length(set.fields);
  const bool sound = std::all_of(set.elements.begin(), set.elements.end(), [&](const nft::Element& element) {
    return element.first.size() == length && element.last.size() == (set.interval ? length : 0) &&
           (set.timeout || element.timeout_ms == 0);
  });
  return sound ? Status{} : refuse(what, "an element does not fit its key or flags");
}

Status check_chain(const nft::Chain& chain) {
  if (!is_name(chain.name)) {
    return refuse("chain " + chain.name, "its name has a length that nf_tables does not take");
  }
  for (const nft::Rule& rule : chain.rules) {
    if (!std::all_of(rule.expressions.begin(), rule.expressions.end(), is_encodable)) {
      return refuse("rule of " + chain.name, "a value does not fit: " + rule.text);
    }
  }
  return {};
}

Status check_table(const nft::Table& table) {
  if (!is_name(table.name) || table.comment.size() > kMaxComment || table.comment.find('\0') != std::string::npos) {
    return refuse("table " + table.name, "its name or comment has a length that nf_tables does not take");
  }
  for (const nft::Set& set : table.sets) {
    TRY(check_set(set));
  }
  for (const nft::Chain& chain : table.chains) {
    TRY(check_chain(chain));
  }
  return {};
}

}  // namespace

Result<NftBatch> encode_table(const nft::Table& table) {
  TRY(check_table(table));
  BatchWriter batch;
  MessageWriter& writer = batch.begin(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, "table " + table.name);
  writer.text(NFTA_TABLE_NAME, table.name);
  if (!table.comment.empty()) {
    writer.bytes(NFTA_TABLE_USERDATA, table_user_data(table.comment));
  }
  batch.end();
  std::uint32_t id = 0;
  for (const nft::Set& set : table.sets) {
    add_set(batch, table.name, set, ++id);
  }
  for (const nft::Chain& chain : table.chains) {
    add_chain(batch, table.name, chain);
  }
  for (const nft::Chain& chain : table.chains) {
    add_rules(batch, table.name, chain);
  }
  return batch.finish();
}

NftBatch encode_removal(const std::string& table) {
  BatchWriter batch;
  batch.begin(NFT_MSG_DELTABLE, 0, "table " + table).text(NFTA_TABLE_NAME, table);
  batch.end();
  return batch.finish();
}

NftBatch encode_elements(const std::string& table, const std::string& set, const std::vector<nft::Element>& add,
                         const std::vector<nft::Element>& remove) {
  BatchWriter batch;
  add_elements(batch, NFT_MSG_DELSETELEM, 0, table, set, remove);
  add_elements(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set, add);
  return batch.finish();
}

}  // namespace nucleus::sys
