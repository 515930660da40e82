// What the encoder says, read back by the parser of the kernel's answers; and hostile bytes for that parser.
#include "runtime/sys/nftables.hpp"

#include <gtest/gtest.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cerrno>
#include <random>

#include "runtime/sys/nftables_decode.hpp"
#include "runtime/sys/nftables_message.hpp"
#include "runtime/sys/nftables_test_tables.hpp"

namespace nucleus::sys {
namespace {

NftBatch encoded(const nft::Table& table) {
  auto batch = encode_table(table);
  EXPECT_TRUE(batch) << batch.error().text;
  return batch ? std::move(*batch) : NftBatch{};
}

std::vector<MessageView> messages_of(std::string_view bytes) {
  std::vector<MessageView> messages;
  while (!bytes.empty()) {
    const auto message = take_message(bytes);
    if (!message) {
      ADD_FAILURE() << "not a sequence of messages";
      break;
    }
    messages.push_back(*message);
  }
  return messages;
}

TEST(NftEncoder, WhatIsWrittenReadsBackTheSame) {
  for (const nft::Table& table : {test::deny_all("x"), test::allow_some("y")}) {
    const auto reading = decode_messages(encoded(table).bytes, table.name);
    ASSERT_TRUE(reading) << reading.error().text;
    EXPECT_EQ(reading->chains, table.chains);
    EXPECT_EQ(reading->comment, table.comment);
    EXPECT_EQ(first_difference(table, *reading), std::nullopt);
  }
}

TEST(NftEncoder, SocketCgroupReadsBack) {
  nft::Table table = test::deny_all("x");
  table.chains[0].rules[0] = test::rule(
      {nft::LoadSocketCgroup{3, 2}, test::equal({1, 0, 0, 0, 0, 0, 0, 0}, 2), nft::Decide{nft::Verdict::accept}});
  const auto reading = decode_messages(encoded(table).bytes, "x");
  ASSERT_TRUE(reading) << reading.error().text;
  EXPECT_EQ(reading->chains, table.chains);
}

// Numbers as nft(8) itself sends them for the same table.
TEST(NftEncoder, SmallestTableByteForByte) {
  const nft::Table table{.name = "x",
                         .comment = "hello",
                         .sets = {},
                         .chains = {{"dns", nft::ChainType::nat, -100, nft::Verdict::accept, {}}}};
  const auto hex = [](std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
      constexpr char kDigits[] = "0123456789abcdef";
      text += {kDigits[static_cast<unsigned char>(c) >> 4U], kDigits[static_cast<unsigned char>(c) & 15U]};
    }
    return text;
  };
  EXPECT_EQ(hex(encoded(table).bytes),
            "14000000"
            "1000"
            "0100"
            "00000000"
            "00000000"
            "0000000a"
            "28000000"
            "000a"
            "0106"
            "01000000"
            "00000000"
            "01000000"
            "06000100"
            "78000000"
            "0c000600"
            "0006"
            "68656c6c6f00"
            "48000000"
            "030a"
            "0506"
            "02000000"
            "00000000"
            "01000000"
            "06000100"
            "78000000"
            "08000300"
            "646e7300"
            "14000480"
            "08000100"
            "00000003"
            "08000200"
            "ffffff9c"
            "08000500"
            "00000001"
            "08000700"
            "6e617400"
            "14000000"
            "1100"
            "0100"
            "03000000"
            "00000000"
            "0000000a");
}

TEST(NftEncoder, NamesTellMessagesAndTheLastOneIsAcknowledged) {
  const NftBatch batch = encoded(test::allow_some("x"));
  const auto messages = messages_of(batch.bytes);
  ASSERT_EQ(messages.size(), batch.names.size() + 1);  // and the end of the transaction
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(messages[i].sequence, i);
    EXPECT_EQ((messages[i].flags & NLM_F_ACK) != 0, i + 2 == messages.size());
  }
  EXPECT_EQ(messages.front().type, NFNL_MSG_BATCH_BEGIN);
  EXPECT_EQ(messages.back().type, NFNL_MSG_BATCH_END);
  EXPECT_EQ(batch.names[1], "table x");
  EXPECT_EQ(batch.names[2], "set denied4");
  EXPECT_EQ(batch.names.back(), "rule 1 of dns");
  EXPECT_NE(messages[1].flags & NLM_F_EXCL, 0);
}

TEST(NftEncoder, ManyElementsAreSpreadOverMessages) {
  std::vector<nft::Element> elements;
  for (unsigned i = 0; i < 10000; ++i) {
    const std::array<std::uint8_t, 4> address = {10, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i),
                                                 1};
    elements.push_back(test::range4(address, address, 6, 1, 65535));
  }
  nft::Table table{
      .name = "x", .comment = "", .sets = {test::interval_set("big", test::kFlow4, elements)}, .chains = {}};
  const NftBatch batch = encoded(table);
  EXPECT_GT(batch.names.size(), 6U);
  const auto reading = decode_messages(batch.bytes, "x");
  ASSERT_TRUE(reading) << reading.error().text;
  EXPECT_EQ(first_difference(table, *reading), std::nullopt);
  EXPECT_EQ(messages_of(encode_elements("x", "big", elements, elements).bytes).size(),
            (batch.names.size() - 3) * 2 + 2);
}

TEST(NftEncoder, RemovalsComeFirst) {
  const NftBatch batch =
      encode_elements("x", "s", {test::point4({1, 1, 1, 1}, 6, 1)}, {test::point4({2, 2, 2, 2}, 6, 1)});
  const auto messages = messages_of(batch.bytes);
  ASSERT_EQ(messages.size(), 4U);
  EXPECT_EQ(messages[1].type & 0xFFU, static_cast<unsigned>(NFT_MSG_DELSETELEM));
  EXPECT_EQ(messages[2].type & 0xFFU, static_cast<unsigned>(NFT_MSG_NEWSETELEM));
  EXPECT_EQ(batch.names[1], "elements out of set s");
}

void expect_refused(const std::string& why, const std::function<void(nft::Table&)>& change) {
  nft::Table table = test::allow_some("x");
  change(table);
  const auto batch = encode_table(table);
  ASSERT_FALSE(batch) << why;
  EXPECT_EQ(batch.error().code, ErrorCode::internal) << why;
}

TEST(NftEncoder, RefusesWhatTheKernelCannotTake) {
  expect_refused("no name", [](nft::Table& table) { table.name.clear(); });
  expect_refused("long name", [](nft::Table& table) { table.name.assign(256, 'x'); });
  expect_refused("NUL", [](nft::Table& table) { table.name = std::string("a\0b", 3); });
  expect_refused("long comment", [](nft::Table& table) { table.comment.assign(128, 'x'); });
  expect_refused("no fields", [](nft::Table& table) { table.sets[0].fields.clear(); });
  expect_refused("too many fields", [](nft::Table& table) { table.sets[0].fields.assign(6, nft::Field::inet_proto); });
  expect_refused("too long a key", [](nft::Table& table) { table.sets[0].fields.assign(5, nft::Field::ipv6_addr); });
  expect_refused("single interval", [](nft::Table& table) { table.sets[4].interval = true; });
  expect_refused("short key", [](nft::Table& table) { table.sets[2].elements[0].first.pop_back(); });
  expect_refused("no end", [](nft::Table& table) { table.sets[2].elements[0].last.clear(); });
  expect_refused("an end", [](nft::Table& table) { table.sets[4].elements[0].last = {1, 1, 1, 1}; });
  expect_refused("timeout", [](nft::Table& table) { table.sets[2].elements[0].timeout_ms = 1; });
  const auto with = [](const nft::Expression& expression) {
    return [expression](nft::Table& table) { table.chains[0].rules[0].expressions[0] = expression; };
  };
  expect_refused("register", with(nft::LoadMeta{nft::MetaKey::mark, 16}));
  expect_refused("register range", with(nft::LoadPayload{nft::PayloadBase::network, 24, 16, 13}));
  expect_refused("socket register", with(nft::LoadSocketCgroup{1, 15}));
  expect_refused("level", with(nft::LoadSocketCgroup{256, 0}));
  expect_refused("mask", with(nft::Mask{0, {1, 2}}));
  expect_refused("no value", with(nft::Compare{nft::CompareOp::equal, 0, {}}));
  expect_refused("long value", with(nft::Compare{nft::CompareOp::equal, 15, {1, 2, 3, 4, 5}}));
  expect_refused("no set", with(nft::Lookup{"", 0}));
  expect_refused("port", with(nft::RedirectTo{0}));
}

TEST(NftDifference, NamesWhatDiffers) {
  const nft::Table table = test::allow_some("x");
  const auto reading = decode_messages(encoded(table).bytes, "x");
  ASSERT_TRUE(reading);
  const auto difference = [&](const std::function<void(nft::Table&)>& change) {
    nft::Table changed = table;
    change(changed);
    return first_difference(changed, *reading).value_or("none");
  };
  EXPECT_EQ(difference([](nft::Table& t) { t.comment = "other"; }), "comment");
  EXPECT_EQ(difference([](nft::Table& t) { t.sets.pop_back(); }), "number of sets");
  EXPECT_EQ(difference([](nft::Table& t) { t.sets[0].size = 7; }), "set denied4");
  EXPECT_EQ(difference([](nft::Table& t) { t.sets[2].elements.pop_back(); }), "elements of set allow4");
  EXPECT_EQ(difference([](nft::Table& t) { std::swap(t.sets[2].elements[0], t.sets[2].elements[1]); }), "none");
  EXPECT_EQ(difference([](nft::Table& t) { t.sets[3].elements = {test::point4({1, 1, 1, 1}, 6, 1, 1000)}; }), "none");
  EXPECT_EQ(difference([](nft::Table& t) { t.chains[0].policy = nft::Verdict::accept; }), "chain output");
  EXPECT_EQ(difference([](nft::Table& t) { t.chains[0].rules.pop_back(); }), "number of rules of output");
  EXPECT_EQ(difference([](nft::Table& t) { t.chains[1].rules[0].expressions.back() = nft::RedirectTo{54}; }),
            "rule 1 of dns");
  EXPECT_EQ(difference([](nft::Table& t) { t.chains.pop_back(); }), "number of chains");
}

TEST(NftDecoder, OtherTablesArePassedOver) {
  const auto reading = decode_messages(encoded(test::allow_some("x")).bytes, "y");
  ASSERT_TRUE(reading);
  EXPECT_TRUE(reading->chains.empty() && reading->sets.empty() && reading->comment.empty());
}

// Every prefix and many random changes: an error or some reading, and never a byte beyond the end (each input lies in an
// allocation of its own size, so that a sanitizer sees it).
TEST(NftDecoder, HostileBytesAreHarmless) {
  const std::string good = encoded(test::allow_some("x")).bytes;
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    static_cast<void>(decode_messages({cut.data(), cut.size()}, "x"));
  }
  std::mt19937 random(1);
  unsigned refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<char> bytes(good.begin(), good.end());
    for (unsigned change = 0; change <= round % 4U; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    refused += decode_messages({bytes.data(), bytes.size()}, "x") ? 0U : 1U;
  }
  EXPECT_GT(refused, 1000U);
}

TEST(NftDecoder, ForeignThingsInTheTableAreAnError) {
  const auto with_message = [](std::uint16_t type, const std::function<void(MessageWriter&)>& body) {
    std::string bytes = encoded(test::deny_all("x")).bytes;
    MessageWriter writer(bytes);
    writer.begin_message(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | type), 0, 0, 1);
    writer.text(1, "x");
    body(writer);
    writer.end_message();
    const auto reading = decode_messages(bytes, "x");
    return reading ? 0 : reading.error().sys_errno;
  };
  EXPECT_EQ(with_message(NFT_MSG_NEWCHAIN, [](MessageWriter& w) { w.text(NFTA_CHAIN_NAME, "not a base chain"); }),
            EBADMSG);
  EXPECT_EQ(with_message(NFT_MSG_NEWRULE, [](MessageWriter& w) { w.text(NFTA_RULE_CHAIN, "unknown"); }), EBADMSG);
  EXPECT_EQ(with_message(NFT_MSG_NEWRULE,
                         [](MessageWriter& w) {
                           w.text(NFTA_RULE_CHAIN, "output");
                           w.nested(NFTA_RULE_EXPRESSIONS,
                                    [&] { w.nested(NFTA_LIST_ELEM, [&] { w.text(NFTA_EXPR_NAME, "notrack"); }); });
                         }),
            EBADMSG);
  EXPECT_EQ(with_message(NFT_MSG_NEWSET,
                         [](MessageWriter& w) {
                           w.text(NFTA_SET_NAME, "map");
                           w.u32(NFTA_SET_FLAGS, NFT_SET_MAP);
                           w.u32(NFTA_SET_KEY_TYPE, 7);
                           w.u32(NFTA_SET_KEY_LEN, 4);
                         }),
            EBADMSG);
  EXPECT_EQ(with_message(NFT_MSG_NEWOBJ, [](MessageWriter&) {}), 0);
}

}  // namespace
}  // namespace nucleus::sys
