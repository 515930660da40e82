#include "runtime/base/log.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "runtime/base/io.hpp"
#include "runtime/base/test_directory.hpp"

namespace nucleus {
namespace {

using nlohmann::json;

class Log : public ::testing::Test {
 protected:
  void TearDown() override { configure_log({}); }

  std::string fatal(LogFormat format, std::string_view text) {
    ::unlink(dir_.at("log").c_str());
    configure_log({dir_.at("log"), format, false});
    ::testing::internal::CaptureStderr();
    log_fatal(text);
    stderr_ = ::testing::internal::GetCapturedStderr();
    return read_file(dir_.fd(), "log", 1 << 20).value_or("no log");
  }

  test::TestDirectory dir_;
  std::string stderr_;
};

// Podman and containerd parse the file as JSON: whatever an error's text holds, it must stay one document.
TEST_F(Log, TheRecordIsOneJsonDocumentWhateverTheText) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view text :
       {"plain"sv, "quote \" back\\slash / slash"sv, "line\nbreak\ttab\rreturn"sv, "nul\0 esc\x1b[31m del\x7f"sv,
        "umlaut \xc3\xa4 emoji \xf0\x9f\x90\xb3"sv, ""sv}) {
    const json record = json::parse(fatal(LogFormat::json, text));
    EXPECT_EQ(record.at("msg").get<std::string>(), text);
    EXPECT_EQ(record.at("level"), "error");
  }
}

TEST_F(Log, BytesThatAreNotUtf8AreReplaced) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view text : {"lone \xff byte"sv, "cut short \xc3"sv, "cut short \xf0\x9f\x90"sv,
                                      "overlong \xc0\xaf"sv, "overlong \xe0\x80\xaf"sv, "surrogate \xed\xa0\x80"sv,
                                      "beyond \xf4\x90\x80\x80"sv, "tail \x80"sv, "\xc3(x"sv}) {
    const std::string text_out = fatal(LogFormat::json, text);
    ASSERT_TRUE(json::accept(text_out)) << text_out;
    const auto message = json::parse(text_out).at("msg").get<std::string>();
    EXPECT_NE(message.find("\xef\xbf\xbd"), std::string::npos) << message;
  }
  EXPECT_EQ(json::parse(fatal(LogFormat::json, "\xc3(x")).at("msg"), "\xef\xbf\xbd(x");
}

TEST_F(Log, TimeIsRfc3339) {
  const json record = json::parse(fatal(LogFormat::json, "x"));
  const auto time = record.at("time").get<std::string>();
  ASSERT_EQ(time.size(), 20U);
  EXPECT_EQ(time[10], 'T');
  EXPECT_EQ(time.back(), 'Z');
}

TEST_F(Log, TextRecordsStayOnOneLine) {
  const std::string record = fatal(LogFormat::text, "a\nb \"c\"");
  EXPECT_NE(record.find("level=error msg=\"a\\u000ab \\\"c\\\"\"\n"), std::string::npos) << record;
  EXPECT_EQ(std::count(record.begin(), record.end(), '\n'), 1);
}

// go-runc looks for the bare message on stderr.
TEST_F(Log, StderrGetsTheBareMessage) {
  fatal(LogFormat::json, "container does not exist");
  EXPECT_EQ(stderr_, "container does not exist\n");
}

TEST_F(Log, RecordsAreAppendedAndAnUnwritableLogIsNoError) {
  const std::string one = fatal(LogFormat::json, "x");
  log_fatal("y");
  EXPECT_EQ(read_file(dir_.fd(), "log", 1 << 20).value().size(), 2 * one.size());
  configure_log({dir_.at("no/such/dir"), LogFormat::json, false});
  log_fatal("goes to stderr alone");
}

TEST_F(Log, DebugIsSilentUnlessAskedForAndWarningsNeverReachTheFile) {
  configure_log({dir_.at("log"), LogFormat::json, false});
  ::testing::internal::CaptureStderr();
  log_debug("hidden");
  log_warning("seen");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "warning: seen\n");
  EXPECT_FALSE(read_file(dir_.fd(), "log", 1 << 20));
  configure_log({"", LogFormat::json, true});
  ::testing::internal::CaptureStderr();
  log_debug("shown");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "debug: shown\n");
}

}  // namespace
}  // namespace nucleus
