// record, receipt and process state as JSON: nothing is lost on the way to the disk and back, damage is an error.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/state/process_state.hpp"
#include "runtime/state/receipt.hpp"
#include "runtime/state/record.hpp"

namespace nucleus::state {
namespace {

using nlohmann::json;

Record full_record() {
  Record record;
  record.id = "box";
  record.bundle = "/bundles/\"quoted\"\n";
  record.rootfs = "/bundles/rootfs";
  record.created = "2026-01-02T03:04:05.000000006Z";
  record.mode = "strict-agent";
  record.policy = "default";
  record.pid = 4194304;
  record.start_time = 18446744073709551615U;
  record.cgroups = {{"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/box"}, {"", "/sys/fs/cgroup/unified/box"}};
  record.annotations = {{"a", "1"}, {"\xc3\xa4", ""}};
  record.poststart = {{"/bin/hook", {"hook", "x"}, {"A=b"}, 3, {}}};
  record.poststop = {{"/bin/other", {}, {}, {}, {}}, {"/bin/third", {"third"}, {}, 9223372036854775807, {}}};
  record.egress = EgressTable{"nucleus_x", "/run/netns/x", 4, 18446744073709551615U};
  record.owner = 4294967294U;
  record.shared_pid = true;
  return record;
}

Receipt full_receipt() {
  Receipt receipt;
  receipt.id = "box";
  receipt.taken = "2026-01-02T03:04:05.000000006Z";
  receipt.mode = "agent";
  receipt.policy = "default";
  receipt.digests = {{"config", "00ff"}, {"seccomp", ""}};
  receipt.items = {{"uid", "0", "0", true}, {"mount /proc", "ro", "", false}, {"cgroup", "", "0::/\n", true}};
  receipt.chain = ReceiptLink{7, "abcd"};
  receipt.signature = ReceiptSignature{"ef01", "c2ln"};
  return receipt;
}

// Every way of leaving out or mistyping one top-level member.
template <class Parse>
void expect_damage_is_noticed(const std::string& text, Parse parse, const std::set<std::string>& ignored = {}) {
  const json good = json::parse(text);
  for (const auto& [name, value] : good.items()) {
    if (ignored.count(name) != 0) {
      continue;
    }
    json without = good;
    without.erase(name);
    EXPECT_FALSE(parse(without.dump())) << "without " << name;
    json mistyped = good;
    mistyped[name] = value.is_string() ? json(7) : json("text");
    EXPECT_FALSE(parse(mistyped.dump())) << name << " mistyped";
  }
  for (std::size_t length = 0; length + 2 < text.size(); length += 7) {
    EXPECT_FALSE(parse(text.substr(0, length))) << "cut at " << length;
  }
  for (const char* other : {"", "null", "[]", "7", "\"x\"", "{}", "\xff", "{\"id\":"}) {
    EXPECT_FALSE(parse(other)) << other;
  }
}

TEST(Record, ComesBackWhole) {
  const Record record = full_record();
  EXPECT_EQ(parse_record(to_json(record), "f").value(), record);
  EXPECT_EQ(parse_record(to_json(Record{}), "f").value(), Record{});
}

TEST(Record, IsOneLine) {
  const std::string text = to_json(full_record());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_EQ(text.back(), '\n');
}

TEST(Record, DamageIsAnErrorThatNamesTheFile) {
  expect_damage_is_noticed(to_json(full_record()), [](const std::string& text) {
    auto parsed = parse_record(text, "/run/nucleus/box/state.json");
    if (!parsed) {
      EXPECT_EQ(parsed.error().code, ErrorCode::state);
      EXPECT_EQ(parsed.error().text.rfind("/run/nucleus/box/state.json: damaged state: ", 0), 0U);
    }
    return parsed.has_value();
  });
}

TEST(Record, BytesThatAreNotUtf8AreReplacedNotFatal) {
  Record record = full_record();
  record.bundle = "/bundle/\xff";
  EXPECT_EQ(parse_record(to_json(record), "f").value().bundle, "/bundle/\xef\xbf\xbd");
}

TEST(Receipt, ComesBackWhole) {
  Receipt receipt = full_receipt();
  EXPECT_EQ(parse_receipt(to_json(receipt), "f").value(), receipt);
  EXPECT_EQ(parse_receipt(to_json(receipt) + "\n", "f").value(), receipt);
  receipt.chain.reset();
  receipt.signature.reset();
  EXPECT_EQ(parse_receipt(to_json(receipt), "f").value(), receipt);
}

TEST(Receipt, IsCanonical) {
  Receipt receipt = full_receipt();
  receipt.items = {{"mount /a\"\\\x01\u00e9", "", "\xff", true}};
  const std::string attested =
      R"({"chain":{"previous":"abcd","sequence":7},"digests":{"config":"00ff","seccomp":""},"id":"box",)"
      R"("items":[{"control":"mount /a\"\\\u0001)"
      "\u00e9"
      R"(","expected":"","matches":true,"observed":")"
      "\xef\xbf\xbd"
      R"("}],"mode":"agent","policy":"default","schema":"io.nucleus.receipt.v1",)";
  EXPECT_EQ(attested_part(receipt), attested + R"("taken":"2026-01-02T03:04:05.000000006Z"})");
  EXPECT_EQ(to_json(receipt), attested + R"("signature":{"algorithm":"ed25519","key":"ef01","value":"c2ln"},)"
                                         R"("taken":"2026-01-02T03:04:05.000000006Z"})");
}

TEST(Receipt, AnotherSpellingIsRefused) {
  const std::string good = to_json(full_receipt());
  const json doc = json::parse(good);
  EXPECT_FALSE(parse_receipt(doc.dump(2), "f"));
  EXPECT_FALSE(parse_receipt(" " + good, "f"));
  EXPECT_FALSE(parse_receipt(good + "\n\n", "f"));
  json more = doc;
  more["note"] = "all is well";
  EXPECT_FALSE(parse_receipt(more.dump(), "f"));
  more = doc;
  more["items"][0]["note"] = "x";
  EXPECT_FALSE(parse_receipt(more.dump(), "f"));
  // A member twice: readers take the first or the last.
  std::string twice = good;
  twice.insert(1, R"("chain":{"previous":"0","sequence":7},)");
  EXPECT_FALSE(parse_receipt(twice, "f"));
  nlohmann::ordered_json turned;
  for (auto member = doc.rbegin(); member != doc.rend(); ++member) {
    turned[member.key()] = *member;
  }
  EXPECT_FALSE(parse_receipt(turned.dump(), "f"));
}

TEST(Receipt, MismatchesAreTheItemsThatDoNotMatch) {
  const auto wrong = full_receipt().mismatches();
  ASSERT_EQ(wrong.size(), 1U);
  EXPECT_EQ(wrong[0].control, "mount /proc");
}

TEST(Receipt, DamageIsAnError) {
  expect_damage_is_noticed(to_json(full_receipt()),
                           [](const std::string& text) { return parse_receipt(text, "f").has_value(); },
                           {"chain", "signature"});
}

// config-linux.md "The Container Process State"
TEST(ProcessState, HoldsTheStateAsADocument) {
  const json doc = json::parse(process_state_json(42, "agent \"data\"", R"({"id":"box","status":"creating"})"));
  EXPECT_EQ(doc.at("fds"), json::array({"seccompFd"}));
  EXPECT_EQ(doc.at("pid"), 42);
  EXPECT_EQ(doc.at("metadata"), "agent \"data\"");
  EXPECT_EQ(doc.at("state").at("id"), "box");
}

}  // namespace
}  // namespace nucleus::state
