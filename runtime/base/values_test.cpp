// The small value types of this box.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/capability.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/base/capability.hpp"
#include "runtime/base/container_id.hpp"
#include "runtime/base/landlock_rights.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus {
namespace {

TEST(ContainerId, WhatIsAccepted) {
  const std::vector<std::string> accepted = {"a", "A-b_c+d.e", "0", ".hidden", "...", "-x", std::string(255, 'n')};
  for (const auto& text : accepted) {
    const auto id = ContainerId::parse(text);
    ASSERT_TRUE(id) << text;
    EXPECT_EQ(id->str(), text);
  }
}

TEST(ContainerId, WhatIsRefused) {
  using std::string_view_literals::operator""sv;
  const std::string long_name(256, 'n');
  for (const std::string_view text : {"."sv, ".."sv, "a/b"sv, "/"sv, "../x"sv, "a b"sv, "a\n"sv, "a\0b"sv, "\xc3\xa4"sv,
                                      "a:b"sv, "a@b"sv, "a%b"sv, "*"sv, std::string_view(long_name)}) {
    const auto id = ContainerId::parse(text);
    ASSERT_FALSE(id) << text;
    EXPECT_EQ(id.error().code, ErrorCode::usage);
    EXPECT_EQ(id.error().text.rfind("invalid container ID format: ", 0), 0U) << id.error().text;
  }
  EXPECT_EQ(ContainerId::parse("").error().text, "container id cannot be empty");
}

TEST(Capability, NumbersAreLibcaps) {
  for (unsigned number = 0; number < kCapabilityNames.size(); ++number) {
    char* name = ::cap_to_name(static_cast<cap_value_t>(number));
    ASSERT_NE(name, nullptr);
    std::string upper = name;
    ::cap_free(name);
    std::transform(upper.begin(), upper.end(), upper.begin(), ::toupper);
    EXPECT_EQ(kCapabilityNames[number], upper) << number;
    EXPECT_EQ(capability_number(upper), number);
  }
}

TEST(Capability, OnlyTheExactSpellingCounts) {
  for (const char* name : {"", "CAP_", "cap_kill", "KILL", "CAP_KILL ", "CAP_ALL"}) {
    EXPECT_FALSE(capability_number(name)) << name;
    EXPECT_EQ(capability_bit(name), 0U) << name;
  }
  EXPECT_EQ(capability_mask({"CAP_CHOWN", "nonsense", "CAP_KILL", "CAP_KILL"}), 0x21U);
  EXPECT_EQ(capability_bit("CAP_CHECKPOINT_RESTORE"), CapabilityMask{1} << 40);
}

TEST(Landlock, EveryAbiKeepsTheRightsOfTheOneBefore) {
  EXPECT_EQ(landlock::all_fs_rights(0), 0U);
  EXPECT_EQ(landlock::all_fs_rights(1), 0x1fffU);
  EXPECT_EQ(landlock::all_fs_rights(2), 0x3fffU);
  EXPECT_EQ(landlock::all_fs_rights(3), 0x7fffU);
  EXPECT_EQ(landlock::all_fs_rights(5), 0xffffU);
  for (int abi = 0; abi < 10; ++abi) {
    EXPECT_EQ(landlock::all_fs_rights(abi) & ~landlock::all_fs_rights(abi + 1), 0U);
    EXPECT_EQ(landlock::all_net_rights(abi) & ~landlock::all_net_rights(abi + 1), 0U);
    EXPECT_EQ(landlock::all_scopes(abi) & ~landlock::all_scopes(abi + 1), 0U);
  }
}

TEST(ResultMacros, TheFirstErrorLeavesWithItsContext) {
  const auto inner = []() -> Result<int> { return fail_errno("open x", ENOENT); };
  const auto outer = [&]() -> Status {
    TRY_WITH(inner(), "rootfs");
    return {};
  };
  const Status status = outer();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text, "rootfs: open x: no such file or directory");
  EXPECT_EQ(status.error().sys_errno, ENOENT);
  EXPECT_EQ(status.error().code, ErrorCode::kernel);
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesOnceAndMovesItsDescriptor) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd first(ends[0]);
  UniqueFd second(ends[1]);
  second = std::move(first);
  EXPECT_FALSE(is_open(ends[1]));
  EXPECT_EQ(second.get(), ends[0]);
  EXPECT_LT(first.get(), 0);
  second.reset();
  EXPECT_FALSE(is_open(ends[0]));
}

}  // namespace
}  // namespace nucleus
