#include "runtime/sys/systemd.hpp"

#include <gtest/gtest.h>

#include "runtime/sys/dbus_test_support.hpp"

namespace nucleus::sys {
namespace {

using test::DbusServer;
using test::message;

constexpr const char* kRoot = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";

std::string text_body(const std::string& text) {
  DbusWriter out;
  out.text(text);
  return out.bytes();
}

std::string reply(std::uint32_t serial, const std::string& text = "") {
  return message({.kind = DbusKind::reply,
                  .reply_serial = serial,
                  .sender = ":1.3",
                  .signature = text.empty() ? "" : "s",
                  .body = text.empty() ? "" : text_body(text)});
}

std::string job_removed(const std::string& sender, const std::string& result, const std::string& path = kRoot) {
  DbusWriter body;
  body.number(7);
  body.text("/job/7");
  body.text("n.scope");
  body.text(result);
  return message({.kind = DbusKind::signal,
                  .path = path,
                  .interface = kManager,
                  .member = "JobRemoved",
                  .sender = sender,
                  .signature = "uoss",
                  .body = body.bytes()});
}

// What a bus says to a client that starts a unit, with `around` in between.
std::vector<DbusServer::Step> starting(const std::string& around) {
  return {{test::kAuth, "OK 1\r\n"},
          {"Hello", reply(1, ":1.9")},
          {"GetNameOwner", around + reply(2, ":1.3")},
          {"AddMatch", around + reply(3)},
          {"StartTransientUnit", around + reply(4, "/job/7") + around + job_removed(":1.3", "done")}};
}

Status start(DbusServer& server) {
  TRY_ASSIGN(auto manager, SystemdManager::connect("unix:path=" + server.path()));
  return manager.start_transient("n.scope", {}, {});
}

TEST(SystemdManager, WaitsForTheJob) {
  DbusServer server(starting(""));
  const Status done = start(server);
  EXPECT_TRUE(done) << done.error().text;
}

TEST(SystemdManager, AJobThatFailsIsAnError) {
  auto script = starting("");
  script.back().send = reply(4, "/job/7") + job_removed(":1.3", "failed");
  DbusServer server(std::move(script));
  EXPECT_FALSE(start(server));
}

// Others may send us whole floods of what systemd's signals look like: they neither end the wait nor take the place of the
// true one.
TEST(SystemdManager, OnlySystemdsOwnSignalsCount) {
  std::string forged = job_removed(":1.3", "failed", "/elsewhere");
  for (int i = 0; i < 5000; ++i) {
    forged += job_removed(":1.66", "failed");
  }
  auto script = starting("");
  script.back().send = forged + job_removed(":1.3", "done") + reply(4, "/job/7");
  DbusServer server(std::move(script));
  const Status done = start(server);
  EXPECT_TRUE(done) << done.error().text;
  DbusServer busy(starting(job_removed(":1.66", "failed")));
  EXPECT_TRUE(start(busy));
}

TEST(SystemdManager, NoOwnerIsAnError) {
  auto script = starting("");
  script.resize(3);
  script.back().send = message({.kind = DbusKind::error, .reply_serial = 2, .error_name = "NameHasNoOwner"});
  DbusServer server(std::move(script));
  EXPECT_FALSE(start(server));
}

// The description tells: a name alone can be anybody's.
UnitMatch match(const std::string& state, const std::string& description) {
  const auto property = [](std::uint32_t serial, const std::string& text) {
    DbusWriter body;
    body.signature("s");
    body.text(text);
    return message({.kind = DbusKind::reply, .reply_serial = serial, .signature = "v", .body = body.bytes()});
  };
  DbusServer server({{test::kAuth, "OK 1\r\n"},
                     {"Hello", reply(1, ":1.9")},
                     {"ActiveState", property(2, state)},
                     {"Description", property(3, description)}});
  return find_unit({"unix:path=" + server.path(), "n.scope", "nucleus container n (12ab)"}).value();
}

TEST(SystemdUnit, IsKnownByItsNonce) {
  EXPECT_EQ(match("active", "nucleus container n (12ab)"), UnitMatch::ours);
  EXPECT_EQ(match("failed", "nucleus container n (12ab)"), UnitMatch::ours);
  EXPECT_EQ(match("active", "nucleus container n (34cd)"), UnitMatch::foreign);
  EXPECT_EQ(match("active", "nucleus container n"), UnitMatch::foreign);
  EXPECT_EQ(match("inactive", "n.scope"), UnitMatch::gone);
}

}  // namespace
}  // namespace nucleus::sys
