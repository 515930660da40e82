#include "runtime/launch/wire.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "runtime/launch/reports.hpp"
#include "runtime/sys/socket.hpp"

namespace nucleus::launch {
namespace {

std::string_view bytes_of(const Report& report) { return {reinterpret_cast<const char*>(&report), sizeof report}; }

class Wire : public ::testing::Test {
 protected:
  Channel channel_ = make_channel().value();
};

TEST_F(Wire, AReportArrivesWhole) {
  const Error error{ErrorCode::kernel, EPERM, "mount: permission denied"};
  ASSERT_TRUE(channel_.process.report(ReportKind::failed, 11, &error));
  const auto received = channel_.launcher.receive().value();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->report.kind, ReportKind::failed);
  EXPECT_EQ(received->report.op, 11U);
  EXPECT_FALSE(received->carried);
  const Error back = error_of(received->report);
  EXPECT_EQ(back.code, error.code);
  EXPECT_EQ(back.sys_errno, error.sys_errno);
  EXPECT_EQ(back.text, error.text);
}

TEST_F(Wire, ALongTextIsCutOff) {
  const Error error{ErrorCode::kernel, 0, std::string(5000, 'x')};
  ASSERT_TRUE(channel_.process.report(ReportKind::warning, 0, &error));
  const auto received = channel_.launcher.receive().value();
  EXPECT_EQ(std::strlen(received->report.detail), sizeof received->report.detail - 1);
}

TEST_F(Wire, ADescriptorGoesAlong) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ASSERT_TRUE(channel_.process.report(ReportKind::console, 0, nullptr, ends[1]));
  ::close(ends[1]);
  auto received = channel_.launcher.receive().value();
  ASSERT_TRUE(received->carried);
  EXPECT_NE(::fcntl(received->carried.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(::write(received->carried.get(), "x", 1), 1);
  ::close(ends[0]);
}

TEST_F(Wire, AnEndThatIsClosedIsTheEnd) {
  channel_.process.close();
  const auto received = channel_.launcher.receive();
  ASSERT_TRUE(received) << received.error().text;
  EXPECT_FALSE(*received);
}

// A process that dies with an unread order resets the connection; its death is told by its exit status.
TEST_F(Wire, AResetIsTheEndToo) {
  ASSERT_TRUE(channel_.launcher.order(Order::proceed));
  channel_.process.close();
  const auto received = channel_.launcher.receive();
  ASSERT_TRUE(received) << received.error().text;
  EXPECT_FALSE(*received);
}

TEST_F(Wire, MessagesOfAnotherFormAreRefused) {
  const Report report;
  std::string longer(bytes_of(report));
  longer += 'x';
  for (const std::string_view bytes : {std::string_view("x"), bytes_of(report).substr(1), std::string_view(longer)}) {
    ASSERT_TRUE(sys::send_message(channel_.process.fd(), bytes));
    const auto received = channel_.launcher.receive();
    ASSERT_FALSE(received) << bytes.size();
    EXPECT_EQ(received.error().code, ErrorCode::internal);
  }
  const std::array two = {STDIN_FILENO, STDERR_FILENO};
  ASSERT_TRUE(sys::send_message(channel_.process.fd(), bytes_of(report), two));
  EXPECT_FALSE(channel_.launcher.receive());
}

// The process may be the workload's by then: nothing it sends is believed to end where it should.
TEST_F(Wire, ATextWithoutAnEndIsEnded) {
  Report report;
  std::memset(report.detail, 'x', sizeof report.detail);
  report.code = 4000;
  report.op = 4000;
  ASSERT_TRUE(sys::send_message(channel_.process.fd(), bytes_of(report)));
  const auto received = channel_.launcher.receive().value();
  const Error error = error_of(plan::LaunchPlan{}, received->report);
  EXPECT_EQ(error.code, ErrorCode::internal);
  EXPECT_EQ(error.text, "init: " + std::string(sizeof report.detail - 1, 'x'));
}

TEST_F(Wire, OnlyTheExpectedOrderLetsTheProcessGoOn) {
  ASSERT_TRUE(channel_.launcher.order(Order::start));
  EXPECT_TRUE(channel_.process.expect(Order::start));
  ASSERT_TRUE(channel_.launcher.order(Order::proceed));
  EXPECT_FALSE(channel_.process.expect(Order::start));
  ASSERT_TRUE(sys::send_message(channel_.launcher.fd(), "x"));
  EXPECT_FALSE(channel_.process.expect(Order::start));
  channel_.launcher.close();
  const Status gone = channel_.process.expect(Order::start);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().text, "the launching runtime is gone");
}

TEST(Reports, NameTheOperationFromThePlan) {
  plan::LaunchPlan plan;
  plan.init = {{plan::PivotRoot{}}, {plan::MaskPath{"/proc/kcore"}}};
  Report report;
  report.op = 1;
  std::strcpy(report.detail, "permission denied");
  EXPECT_EQ(describe_report(plan, report), "init op 2/2 (mask /proc/kcore): permission denied");
}

TEST(Reports, HowAProcessEnded) {
  EXPECT_EQ(describe_exit(3 << 8), "exit status 3");
  EXPECT_EQ(describe_exit(9), "signal 9");
}

}  // namespace
}  // namespace nucleus::launch
