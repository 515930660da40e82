#include "runtime/follower/event_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/base/io.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::follower {
namespace {

TEST(EventLog, OneObjectALine) {
  EXPECT_EQ(event_line({"denied", "example.org", "type 1", 3}, 1764370000),
            "{\"time\":1764370000,\"event\":\"denied\",\"name\":\"example.org\",\"detail\":\"type 1\",\"count\":3}\n");
  EXPECT_EQ(event_line({"end", "", "", 1}, 1), "{\"time\":1,\"event\":\"end\"}\n");
  EXPECT_EQ(event_line({"denied", "a\\046\"b\n\x1b\xff", "", 1}, 1),
            "{\"time\":1,\"event\":\"denied\",\"name\":\"a\\\\046\\\"b???\"}\n");
}

TEST(EventLog, StaysBelowItsBoundAndKeepsItsBeginning) {
  std::string path = "/tmp/nucleus-event-log-XXXXXX";
  const UniqueFd made(::mkstemp(path.data()));
  ASSERT_TRUE(made);
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
  ::unlink(path.c_str());
  ASSERT_TRUE(fd);
  EventLog log(fd.get());
  log.write({"start", "first", "", 1});
  for (int i = 0; i < 8000; ++i) {
    log.write({"denied", "name" + std::to_string(i) + ".example", "type 1", 1});
  }
  log.write({"denied", "last.example", "", 1});
  ::lseek(fd.get(), 0, SEEK_SET);
  const auto text = read_all(fd.get(), 1U << 20U, "log");
  ASSERT_TRUE(text.has_value());
  EXPECT_LE(text->size(), kLogLimit);
  EXPECT_GE(text->size(), kLogLimit / 2);
  EXPECT_NE(text->find("\"first\""), std::string::npos);
  EXPECT_NE(text->find("\"last.example\""), std::string::npos);
}

TEST(EventLog, NowhereIsFine) { EventLog(-1).write({"end", "", "", 1}); }

}  // namespace
}  // namespace nucleus::follower
