#include "hardening/seccomp_intersect.hpp"

#include <sys/syscall.h>

#include "hardening/seccomp_test_support.hpp"

namespace nucleus::hardening {
namespace {

using namespace testing;

constexpr std::uint32_t kLastNumber = 460;

enum class Expect : std::uint8_t { exact, same_action, never_wider };

// What the intersection decides against what both filters decide, each compiled by itself.
void expect_intersection(const oci::Seccomp& ours, const oci::Seccomp& theirs, const oci::Seccomp& both,
                         std::mt19937_64& random, std::size_t combinations, Expect expectation) {
  const CompiledFilter a = must(compile_native(ours));
  const CompiledFilter b = must(compile_native(theirs));
  const CompiledFilter result = must(compile_native(both));
  const auto grid = argument_grid(interesting_values({ours, theirs}), random, combinations);
  std::set<std::uint32_t> conditional = conditional_calls(ours);
  conditional.merge(conditional_calls(theirs));
  for (std::uint32_t nr = 0; nr <= kLastNumber; ++nr) {
    for (std::size_t i = 0; i < (conditional.contains(nr) ? grid.size() : 2); ++i) {
      const Verdict expected = more_restrictive(run(a, nr, grid[i]), run(b, nr, grid[i]));
      const Verdict actual = run(result, nr, grid[i]);
      const bool good = expectation == Expect::exact         ? actual == expected
                        : expectation == Expect::same_action ? actual.action == expected.action
                                                             : actual.action <= expected.action;
      ASSERT_TRUE(good) << syscall_name(static_cast<int>(nr)) << " " << ::testing::PrintToString(grid[i]) << " got "
                        << to_string(actual) << ", want " << to_string(expected) << "\nours " << oci::to_json(ours, 1)
                        << "\ntheirs " << oci::to_json(theirs, 1) << "\nresult " << oci::to_json(both, 1);
    }
  }
}

TEST(SeccompIntersect, ShippedWithPodmanIsExact) {
  std::mt19937_64 random(7);
  const auto result = must(intersect(shipped_profile(), podman_profile()));
  EXPECT_TRUE(result.notes.empty()) << ::testing::PrintToString(result.notes);
  expect_intersection(shipped_profile(), podman_profile(), result.profile, random, 3000, Expect::exact);
}

TEST(SeccompIntersect, WithoutAProfileOursRemains) {
  std::mt19937_64 random(8);
  const auto result = must(intersect(shipped_profile(), std::nullopt));
  expect_intersection(shipped_profile(), profile("ALLOW", {}), result.profile, random, 1000, Expect::exact);
}

TEST(SeccompIntersect, IsIdempotentAsADocument) {
  for (const std::optional<oci::Seccomp>& config : {std::optional(podman_profile()), std::optional<oci::Seccomp>()}) {
    const auto once = must(intersect(shipped_profile(), config));
    const auto twice = must(intersect(shipped_profile(), once.profile));
    EXPECT_EQ(oci::to_json(once.profile, 1), oci::to_json(twice.profile, 1));
    EXPECT_EQ(once.profile, twice.profile);
  }
}

TEST(SeccompIntersect, RandomProfiles) {
  std::size_t noted = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const oci::Seccomp ours = random_profile(random, Rules::any);
    const oci::Seccomp theirs = random_profile(random, Rules::any);
    const auto result = must(intersect(ours, theirs));
    noted += result.notes.empty() ? 0U : 1U;
    expect_intersection(ours, theirs, result.profile, random, 100,
                        result.notes.empty() ? Expect::same_action : Expect::never_wider);
    ASSERT_FALSE(HasFatalFailure());
    EXPECT_TRUE(must(intersect(ours, result.profile)).profile == result.profile) << "not idempotent";
  }
  EXPECT_LT(noted, 500U) << "most intersections can be said";
}

TEST(SeccompIntersect, LibseccompReadsTheSameOutOfTheResult) {
  std::mt19937_64 random(9);
  const auto both = must(intersect(shipped_profile(), podman_profile())).profile;
  const CompiledFilter native = must(compile_native(both));
  const CompiledFilter reference = must(compile_with_libseccomp(both));
  const auto grid = argument_grid(interesting_values({both}), random, 1000);
  for (std::uint32_t nr = 0; nr <= kLastNumber; ++nr) {
    for (const Args& args : grid) {
      ASSERT_EQ(to_string(run(native, nr, args)), to_string(run(reference, nr, args))) << nr;
    }
  }
}

TEST(SeccompIntersect, AllowListWithDenyListCutsTheDenialsOut) {
  std::mt19937_64 random(10);
  const auto ours = profile("ERRNO", {rule({"ioctl", "read"}, "ALLOW")});
  const auto theirs = profile("ALLOW", {rule({"ioctl"}, "ERRNO", {arg(1, "EQ", 0x5412)}), rule({"read"}, "KILL")});
  const auto result = must(intersect(ours, theirs));
  EXPECT_TRUE(result.notes.empty());
  expect_intersection(ours, theirs, result.profile, random, 100, Expect::exact);
}

TEST(SeccompIntersect, InexpressibleIsDeniedAndNoted) {
  std::mt19937_64 random(11);
  const auto ours = profile("ERRNO", {rule({"ioctl"}, "ALLOW", {arg(1, "NE", 5)})});
  const auto theirs = profile("ERRNO", {rule({"ioctl"}, "ALLOW", {arg(1, "NE", 9)})});
  const auto result = must(intersect(ours, theirs));
  ASSERT_EQ(result.notes.size(), 1U);
  EXPECT_EQ(result.notes[0].substr(0, 6), "ioctl:");
  EXPECT_TRUE(result.profile.syscalls.empty());
  expect_intersection(ours, theirs, result.profile, random, 100, Expect::never_wider);
}

TEST(SeccompIntersect, FlagsListenerAndArchitectures) {
  oci::Seccomp ours = profile("ERRNO", {rule({"read", "mkdir"}, "ALLOW")});
  oci::Seccomp theirs = profile("ALLOW", {rule({"mkdir"}, "NOTIFY")});
  theirs.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"};
  theirs.listener_path = "/run/agent.sock";
  theirs.flags = {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                  "SECCOMP_FILTER_FLAG_LOG"};
  const auto kept = must(intersect(ours, theirs)).profile;
  EXPECT_EQ(kept.listener_path, "/run/agent.sock");
  EXPECT_EQ(kept.architectures, std::vector<std::string>{"SCMP_ARCH_X86_64"});
  EXPECT_EQ(kept.flags,
            (std::vector<std::string>{"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}));
  ours.syscalls[0].names = {"read"};
  const auto gone = must(intersect(ours, theirs)).profile;
  EXPECT_EQ(gone.listener_path, "");
  EXPECT_EQ(gone.flags, std::vector<std::string>{"SECCOMP_FILTER_FLAG_LOG"});
}

TEST(SeccompIntersect, UnknownNamesAreAnErrorInOursAndReportedInTheirs) {
  const auto good = profile("ERRNO", {rule({"read"}, "ALLOW")});
  const auto odd = profile("ERRNO", {rule({"read", "no_such_call"}, "ALLOW")});
  EXPECT_FALSE(intersect(odd, good));
  EXPECT_EQ(must(intersect(good, odd)).unknown_names, std::vector<std::string>{"no_such_call"});
}

}  // namespace
}  // namespace nucleus::hardening
