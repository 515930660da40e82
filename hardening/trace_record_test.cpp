#include "hardening/trace_record.hpp"

#include <asm/unistd_64.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

namespace nucleus::hardening {
namespace {

using Args = std::array<std::uint64_t, kSyscallArgs>;

Trace sample() {
  Trace trace{"web", "default", "ab", {}, true, 7};
  trace.records.push_back({"socket", __NR_socket, {{0, 0xffffffff, 2}, {1, 0xf, 1}}, 3, "sh", "curl", {}, 0});
  trace.records.push_back({"getxattr", __NR_getxattr, {}, 1, "ls", "ls", TraceVerdict::denied, 95});
  trace.records.push_back({"", 9999, {}, ~0ULL, "a\"b\\", "", TraceVerdict::learned, 38});
  return trace;
}

TEST(TraceRecord, SurvivesItsText) {
  const Trace trace = sample();
  const auto back = parse_trace(to_text(trace), "t");
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(*back, trace);
}

TEST(TraceRecord, WithoutItsEndItIsNotComplete) {
  Trace trace = sample();
  trace.complete = false;
  trace.lost = 0;
  const auto back = parse_trace(to_text(trace), "t");
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(*back, trace);
}

TEST(TraceRecord, NamesOfProcessesCannotBreakALine) {
  TraceRecord record{"read", 0, {}, 1, "a\nb\x1b[0m\xff", "x", {}, 0};
  const std::string line = trace_line(record);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_THAT(line, ::testing::HasSubstr(R"("first":"a?b?[0m?")"));
}

struct Broken {
  std::string text;
  std::string error;
};

TEST(TraceRecord, BrokenOnesAreNamedByPlace) {
  const std::string head = R"({"trace":1,"container":"c","policy":"p","digest":"d"})"
                           "\n";
  const std::string good = R"({"syscall":"read","nr":0,"count":1,"first":"a","last":"a","verdict":"allowed"})"
                           "\n";
  const std::string end = "{\"end\":true,\"lost\":0}\n";
  const std::vector<Broken> all = {
      {"", "t:1:1: no trace"},
      {"{\"trace\":1", "t:1:1: expected the line to end"},
      {good, "t:1:26: unknown key \"count\""},
      {"[]\n", "t:1:1: expected an object"},
      {"{\"trace\":2,\"container\":\"\",\"policy\":\"\",\"digest\":\"\"}\n",
       "t:1:2: trace: this version reads 1, not 2"},
      {"{\"trace\":1,\"container\":1,\"policy\":\"\",\"digest\":\"\"}\n",
       "t:1:12: container: expected a string of at most"},
      {head + "{\n", "t:2:"},
      {head + good + "{\"a\":1,\"a\":2}\n", "t:3:"},
      {head + "{\"syscall\":\"read\",\"more\":1}\n", "t:2:19: unknown key \"more\""},
      {head + R"({"syscall":"read","nr":-1,"count":1,"first":"a","last":"a","verdict":"allowed"})"
              "\n",
       "t:2:19: nr: expected a number up to"},
      {head + R"({"syscall":"read","nr":0,"count":1.5,"first":"a","last":"a","verdict":"allowed"})"
              "\n",
       "t:2:26: count: expected a number"},
      {head + R"({"syscall":"read","nr":0,"count":1,"first":"a","last":"a","verdict":"maybe"})"
              "\n",
       "t:2:59: verdict: expected allowed, denied or learned"},
      {head + R"({"syscall":"read","nr":0,"count":1,"first":"a","last":"a","verdict":"denied"})"
              "\n",
       "t:2:1: errno: expected a number up to 4095"},
      {head + R"({"syscall":"read","nr":0,"count":1,"first":"a","last":"a","verdict":"allowed","errno":1})"
              "\n",
       "t:2:79: errno: an allowed call has none"},
      {head + R"({"syscall":"read","nr":0,"args":[],"count":1,"first":"a","last":"a","verdict":"allowed"})"
              "\n",
       "t:2:26: args: expected one to 3"},
      {head +
           R"({"syscall":"r","nr":0,"args":[{"index":6,"mask":1,"value":1}],"count":1,"first":"a","last":"a","verdict":"allowed"})"
           "\n",
       "t:2:32: index: expected a number up to 5"},
      {head +
           R"({"syscall":"r","nr":0,"args":[{"index":1,"mask":1,"value":2}],"count":1,"first":"a","last":"a","verdict":"allowed"})"
           "\n",
       "t:2:51: args: the value has bits outside of the mask"},
      {head + end + good, "t:3:1: expected nothing after the line that ends the trace"},
      {head + "{\"end\":false,\"lost\":0}\n", "t:2:2: end: expected true"},
  };
  for (const Broken& one : all) {
    const auto parsed = parse_trace(one.text, "t");
    ASSERT_FALSE(parsed) << one.text;
    EXPECT_THAT(parsed.error().text, ::testing::StartsWith(one.error)) << one.text;
    EXPECT_EQ(parsed.error().text.find('\n'), std::string::npos);
  }
}

TEST(TraceCall, KeepsTheArgumentsThatChooseDoors) {
  const TraceCall inet = generalise(__NR_socket, Args{2, 1 | 02000000, 6, 9, 9, 9});
  EXPECT_EQ(inet, generalise(__NR_socket, Args{2, 1 | 04000, 0, 0, 0, 0}));
  EXPECT_NE(generalise(__NR_socket, Args{16, 3, 0}), generalise(__NR_socket, Args{16, 3, 9}));
  EXPECT_EQ(generalise(__NR_ioctl, Args{3, 0xdead00005401, 7}), generalise(__NR_ioctl, Args{4, 0x5401, 8}));
  EXPECT_EQ(generalise(__NR_clone, Args{0x01200011}), generalise(__NR_clone, Args{0x01200000}));
  EXPECT_NE(generalise(__NR_clone, Args{0x10000011}), generalise(__NR_clone, Args{0x11}));
  EXPECT_EQ(generalise(__NR_read, Args{1, 2, 3}), generalise(__NR_read, Args{4, 5, 6}));
}

TEST(TraceCall, ProtectionsAreOfThreeKinds) {
  const auto kind = [](int protection) {
    return generalise(__NR_mmap, Args{0, 1, static_cast<std::uint64_t>(protection)});
  };
  EXPECT_EQ(kind(PROT_READ), kind(PROT_READ | PROT_WRITE));
  EXPECT_EQ(kind(PROT_EXEC), kind(PROT_READ | PROT_EXEC));
  EXPECT_NE(kind(PROT_READ), kind(PROT_READ | PROT_EXEC));
  EXPECT_NE(kind(PROT_EXEC), kind(PROT_WRITE | PROT_EXEC));
}

}  // namespace
}  // namespace nucleus::hardening
