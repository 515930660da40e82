#include "runtime/watcher/records.hpp"

#include <asm/unistd_64.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "hardening/seccomp_compile.hpp"
#include "oci/document.hpp"
#include "runtime/watcher/confine.hpp"
#include "runtime/watcher/serve.hpp"

namespace nucleus::watcher {
namespace {

using hardening::TraceVerdict;
using ::testing::HasSubstr;
using ::testing::Not;

seccomp_data call(int nr, std::uint64_t first = 0, std::uint64_t second = 0) {
  seccomp_data data{};
  data.nr = nr;
  data.arch = 0xc000003e;
  data.args[0] = first;
  data.args[1] = second;
  return data;
}

Sighting seen(int nr, std::uint64_t first = 0, std::uint64_t second = 0) {
  return {Records::known(call(nr, first, second)), TraceVerdict::allowed, 0};
}

class RecordsTest : public ::testing::Test {
 protected:
  std::unique_ptr<Records> records_ = std::make_unique<Records>();  // zero, as fresh shared memory is
};

TEST_F(RecordsTest, CountsByCallAndArguments) {
  records_->note(seen(__NR_read), "a");
  records_->note(seen(__NR_read), "b");
  records_->note(seen(__NR_ioctl, 0, 1), "a");
  records_->note(seen(__NR_ioctl, 5, 1), "");
  records_->note(seen(__NR_ioctl, 0, 2), "c");
  EXPECT_EQ(records_->text(),
            "{\"syscall\":\"read\",\"nr\":0,\"count\":2,\"first\":\"a\",\"last\":\"b\",\"verdict\":\"allowed\"}\n"
            "{\"syscall\":\"ioctl\",\"nr\":16,\"args\":[{\"index\":1,\"mask\":4294967295,\"value\":1}],\"count\":2,"
            "\"first\":\"a\",\"last\":\"a\",\"verdict\":\"allowed\"}\n"
            "{\"syscall\":\"ioctl\",\"nr\":16,\"args\":[{\"index\":1,\"mask\":4294967295,\"value\":2}],\"count\":1,"
            "\"first\":\"c\",\"last\":\"c\",\"verdict\":\"allowed\"}\n");
}

TEST_F(RecordsTest, AVerdictOfItsOwnIsARecordOfItsOwn) {
  records_->note({Records::known(call(__NR_getxattr)), TraceVerdict::learned, 95}, "a");
  records_->note({Records::known(call(__NR_getxattr)), TraceVerdict::denied, 95}, "a");
  EXPECT_THAT(records_->text(), HasSubstr("\"verdict\":\"learned\",\"errno\":95}\n{"));
}

TEST_F(RecordsTest, NobodyCrowdsOutTheOthers) {
  for (std::uint64_t request = 0; request < 10000; ++request) {
    records_->note(seen(__NR_ioctl, 0, request), "x");
  }
  EXPECT_EQ(records_->lost(), 10000U - 256U);
  records_->note(seen(__NR_read), "y");
  EXPECT_EQ(records_->lost(), 10000U - 256U);
  EXPECT_THAT(records_->text(), HasSubstr("\"syscall\":\"read\""));
}

TEST_F(RecordsTest, NumbersThatNoKernelHasAreOne) {
  records_->note(seen(-1), "x");
  records_->note(seen(0x3fffffff), "x");
  records_->note(seen(1024), "x");
  EXPECT_THAT(records_->text(), HasSubstr("\"nr\":1023,\"count\":3"));
}

TEST_F(RecordsTest, NamesAreWantedAtFirstAndEverMoreRarely) {
  int wanted = 0;
  for (int i = 0; i < 1000; ++i) {
    const bool wants = records_->wants_name(seen(__NR_read));
    wanted += wants ? 1 : 0;
    records_->note(seen(__NR_read), wants ? "n" : "");
  }
  EXPECT_EQ(wanted, 10);
}

std::vector<sock_filter> policy() {
  const auto profile = oci::parse_seccomp(R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"syscalls":[
    {"names":["read"],"action":"SCMP_ACT_ALLOW"},{"names":["getxattr"],"action":"SCMP_ACT_ERRNO","errnoRet":95},
    {"names":["bpf"],"action":"SCMP_ACT_KILL_PROCESS"}]})",
                                          "p");
  return hardening::compile_native(*profile)->code;
}

TEST(Decide, ThePolicyDecidesAndLearningOpensOnlyAboveTheFloor) {
  const auto filter = policy();
  for (const bool learning : {false, true}) {
    EXPECT_TRUE(decide(filter, learning, call(__NR_read)).go_on);
    EXPECT_FALSE(decide(filter, learning, call(__NR_mount)).go_on);
    EXPECT_FALSE(decide(filter, learning, call(__NR_bpf)).go_on);
    EXPECT_FALSE(decide(filter, learning, call(__NR_read | 0x40000000)).go_on);
    seccomp_data foreign = call(__NR_read);
    foreign.arch = 0x40000003;
    EXPECT_FALSE(decide(filter, learning, foreign).go_on);
    EXPECT_EQ(decide(filter, learning, call(__NR_getxattr)).go_on, learning);
    EXPECT_EQ(decide(filter, learning, call(__NR_getxattr)).sys_errno, 95);
    EXPECT_EQ(decide(filter, learning, call(__NR_getxattr)).verdict,
              learning ? TraceVerdict::learned : TraceVerdict::denied);
  }
  EXPECT_FALSE(decide({}, true, call(__NR_read)).go_on);
}

TEST(Confine, TheProfileIsOneThatCompiles) {
  const auto filter = hardening::compile_native(watcher_seccomp());
  ASSERT_TRUE(filter) << filter.error().text;
  EXPECT_THAT(filter->unknown_names, ::testing::IsEmpty());
}

}  // namespace
}  // namespace nucleus::watcher
