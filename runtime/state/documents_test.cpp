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

TEST(Receipt, ComesBackWholeInBothForms) {
  const Receipt receipt = full_receipt();
  EXPECT_EQ(parse_receipt(to_json(receipt), "f").value(), receipt);
  EXPECT_EQ(parse_receipt(to_json(receipt, 2), "f").value(), receipt);
}

TEST(Receipt, IsCanonical) {
  Receipt receipt = full_receipt();
  receipt.items.resize(1);
  EXPECT_EQ(to_json(receipt),
            R"({"schema":"io.nucleus.receipt.v1","id":"box","taken":"2026-01-02T03:04:05.000000006Z","mode":"agent",)"
            R"("policy":"default","digests":{"config":"00ff","seccomp":""},)"
            R"("items":[{"control":"uid","expected":"0","observed":"0","matches":true}]})"
            "\n");
}

TEST(Receipt, MismatchesAreTheItemsThatDoNotMatch) {
  const auto wrong = full_receipt().mismatches();
  ASSERT_EQ(wrong.size(), 1U);
  EXPECT_EQ(wrong[0].control, "mount /proc");
}

TEST(Receipt, DamageIsAnError) {
  expect_damage_is_noticed(to_json(full_receipt()),
                           [](const std::string& text) { return parse_receipt(text, "f").has_value(); }, {"schema"});
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
