#include "hardening/policy_lock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardening/shipped_policies.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/test_source.hpp"

namespace nucleus::hardening {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

PolicyInput input_of(std::string_view set) {
  PolicyInput input;
  for (std::size_t i = 0; i < kPolicyFiles.size(); ++i) {
    input.bytes[i] = std::string(shipped_file(set, kPolicyFiles[i]).value());
    input.shown[i] = std::string(kPolicyFiles[i]);
  }
  return input;
}

std::string error_of(std::string_view text) {
  const auto parsed = parse_lock(text, "policy.lock");
  return parsed ? "" : parsed.error().text;
}

TEST(PolicyLock, TextIsWhatIsParsed) {
  const PolicyInput input = input_of("default");
  const auto parsed = parse_lock(lock_text(input.bytes), "policy.lock");
  ASSERT_TRUE(parsed) << parsed.error().text;
  for (std::size_t i = 0; i < parsed->size(); ++i) {
    EXPECT_EQ((*parsed)[i], sha256(input.bytes[i]));
  }
  EXPECT_TRUE(check_lock(input, lock_text(input.bytes), "policy.lock"));
}

TEST(PolicyLock, AChangedByteInAnyFileIsNamed) {
  const PolicyInput good = input_of("default");
  const std::string text = lock_text(good.bytes);
  for (std::size_t i = 0; i < kPolicyFiles.size(); ++i) {
    PolicyInput changed = good;
    changed.bytes[i].back() ^= 1;
    const auto checked = check_lock(changed, text, "web/policy.lock");
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().text, StartsWith(std::string(kPolicyFiles[i]) + ": its digest is sha256:"));
    EXPECT_THAT(checked.error().text, HasSubstr("(web/policy.lock:" + std::to_string(i + 1) + ")"));
  }
}

TEST(PolicyLock, AChangedByteInTheLockIsRefused) {
  const PolicyInput input = input_of("default");
  const std::string text = lock_text(input.bytes);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_FALSE(check_lock(input, changed, "policy.lock")) << i;
    EXPECT_FALSE(parse_lock(text.substr(0, i), "policy.lock")) << i;
  }
}

TEST(PolicyLock, Positions) {
  const std::string good = lock_text(input_of("default").bytes);
  const std::string hex(64, 'a');
  EXPECT_EQ(error_of(""), "policy.lock:1:1: ends before the line of caps.toml does; it has one line for each file");
  EXPECT_THAT(error_of(hex + "  caps.toml"), StartsWith("policy.lock:1:76: ends before"));
  EXPECT_THAT(error_of("A" + hex + "\n"), StartsWith("policy.lock:1:1: expected 64"));
  EXPECT_THAT(error_of("ab\n"), StartsWith("policy.lock:1:3: expected 64"));
  EXPECT_THAT(error_of(hex + "a  caps.toml\n"), StartsWith("policy.lock:1:65: expected 64"));
  EXPECT_THAT(error_of(hex + " *caps.toml\n"), StartsWith("policy.lock:1:65: expected two blanks"));
  EXPECT_THAT(error_of(hex + "  egress.toml\n"), StartsWith("policy.lock:1:67: expected \"caps.toml\""));
  EXPECT_THAT(error_of(hex + "  caps.toml\r\n"), StartsWith("policy.lock:1:67: expected \"caps.toml\""));
  EXPECT_THAT(error_of(hex + "  caps.toml\n" + hex + "  caps.toml\n"),
              StartsWith("policy.lock:2:67: expected \"egress"));
  EXPECT_THAT(error_of(hex + "  caps.toml\n\n"), StartsWith("policy.lock:2:1: expected 64"));
  EXPECT_THAT(error_of(good + "\n"), StartsWith("policy.lock:6:1: more than"));
  EXPECT_THAT(error_of(good + good), StartsWith("policy.lock:6:1: more than"));
}

// Nothing looks at the locks of compiled-in sets when a container starts.
TEST(PolicyLock, ShippedSetsAreLocked) {
  for (const auto set : shipped_sets()) {
    const PolicyInput input = input_of(set);
    const auto lock = shipped_file(set, kLockFile);
    ASSERT_TRUE(lock) << set << " has no policy.lock: nucleus-oci policy lock policies/" << set;
    const auto checked = check_lock(input, *lock, std::string(set) + "/policy.lock");
    EXPECT_TRUE(checked) << set << ": " << checked.error().text;
  }
}

}  // namespace
}  // namespace nucleus::hardening
