// What the seccomp tests share: profiles from files, and running filters over many calls.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "hardening/seccomp_compile.hpp"
#include "hardening/seccomp_evaluator.hpp"
#include "hardening/seccomp_table.hpp"
#include "oci/document.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/test_source.hpp"

namespace nucleus::hardening::testing {

using Args = std::array<std::uint64_t, kSyscallArgs>;

inline oci::Seccomp profile_from_file(const std::string& relative) {
  const auto text = read_file(AT_FDCWD, nucleus::test::source_directory() + "/" + relative, 1U << 20U);
  EXPECT_TRUE(text.has_value()) << (text ? "" : text.error().text);
  const auto profile = oci::parse_seccomp(*text, relative);
  EXPECT_TRUE(profile.has_value()) << (profile ? "" : profile.error().text);
  return *profile;
}
inline oci::Seccomp shipped_profile() { return profile_from_file("policies/default/seccomp.json"); }
inline oci::Seccomp podman_profile() { return profile_from_file("hardening/testdata/seccomp_podman.json"); }

inline oci::SeccompArg arg(std::uint32_t index, const std::string& op, std::uint64_t value,
                           std::uint64_t value_two = 0) {
  oci::SeccompArg result;
  result.index = index;
  result.op = "SCMP_CMP_" + op;
  result.value = value;
  result.value_two = value_two;
  return result;
}

inline oci::SeccompRule rule(std::vector<std::string> names, const std::string& action,
                             std::vector<oci::SeccompArg> args = {}) {
  oci::SeccompRule result;
  result.names = std::move(names);
  result.action = "SCMP_ACT_" + action;
  result.args = std::move(args);
  return result;
}

inline oci::Seccomp profile(const std::string& default_action, std::vector<oci::SeccompRule> rules) {
  oci::Seccomp result;
  result.default_action = "SCMP_ACT_" + default_action;
  result.architectures = {"SCMP_ARCH_X86_64"};
  result.syscalls = std::move(rules);
  return result;
}

template <class T>
T must(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().text);
  return result ? std::move(*result) : T{};
}

inline seccomp_data call(std::uint32_t nr, const Args& args, std::uint32_t arch = AUDIT_ARCH_X86_64) {
  seccomp_data data{};
  data.nr = static_cast<int>(nr);
  data.arch = arch;
  for (std::size_t i = 0; i < args.size(); ++i) {
    data.args[i] = args[i];
  }
  return data;
}

inline Verdict run(const CompiledFilter& filter, std::uint32_t nr, const Args& args,
                   std::uint32_t arch = AUDIT_ARCH_X86_64) {
  const auto value = evaluate(filter.code, call(nr, args, arch));
  EXPECT_TRUE(value.has_value()) << "not a program the kernel would take";
  return from_kernel(value.value_or(0));
}

// Values around every constant of the profiles: where a comparison can change its mind.
inline std::vector<std::uint64_t> interesting_values(const std::vector<oci::Seccomp>& profiles) {
  std::set<std::uint64_t> values = {0, 1, ~0ULL, 1ULL << 32U, (1ULL << 32U) - 1, 1ULL << 63U};
  for (const oci::Seccomp& each : profiles) {
    for (const oci::SeccompRule& entry : each.syscalls) {
      for (const oci::SeccompArg& one : entry.args) {
        for (const std::uint64_t base : {one.value, one.value_two, one.value & one.value_two}) {
          values.insert({base, base - 1, base + 1, base ^ (1ULL << 32U), base | (0xdeadULL << 32U)});
        }
      }
    }
  }
  return {values.begin(), values.end()};
}

// Argument vectors: each value in each place alone, and random combinations.
inline std::vector<Args> argument_grid(const std::vector<std::uint64_t>& values, std::mt19937_64& random,
                                       std::size_t combinations) {
  std::vector<Args> grid = {Args{}};
  for (const std::uint64_t value : values) {
    for (std::size_t index = 0; index < kSyscallArgs; ++index) {
      Args args{};
      args[index] = value;
      grid.push_back(args);
    }
    grid.push_back({value, value, value, value, value, value});
  }
  for (std::size_t i = 0; i < combinations; ++i) {
    Args args{};
    for (std::uint64_t& one : args) {
      one = values[random() % values.size()];
    }
    grid.push_back(args);
  }
  return grid;
}

// Calls of a table that have argument rules, so that a grid is worth its time.
inline std::set<std::uint32_t> conditional_calls(const oci::Seccomp& each) {
  std::set<std::uint32_t> numbers;
  for (const oci::SeccompRule& entry : each.syscalls) {
    for (const std::string& name : entry.names) {
      const auto nr = syscall_number(name);
      if (nr && !entry.args.empty()) {
        numbers.insert(static_cast<std::uint32_t>(*nr));
      }
    }
  }
  return numbers;
}

// Which rules a random profile has for one call. libseccomp is an oracle only for the first two: with several order
// comparisons on one call its tree misses matches, and where conditional rules disagree its answer depends on the tree.
enum class Rules : std::uint8_t { one, equalities, any };

// A random profile over few calls, arguments and values, so that rules meet.
inline oci::Seccomp random_profile(std::mt19937_64& random, Rules kind) {
  static const std::vector<std::string> kActions = {"ALLOW", "ERRNO", "KILL_PROCESS", "LOG", "TRAP", "KILL_THREAD"};
  static const std::vector<std::string> kOps = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};
  static const std::vector<std::string> kNames = {"read", "ioctl", "socket", "clone", "prctl", "openat", "statx"};
  static const std::vector<std::uint64_t> kValues = {0,    1,          2,           3,     16,
                                                     0xff, 0xffffffff, 1ULL << 32U, ~0ULL, 0x1234500000001};
  const auto pick = [&](const auto& from) { return from[random() % from.size()]; };
  oci::Seccomp result = profile(kActions[random() % 4], {});
  for (const std::string& name : kNames) {
    const std::string verdict = pick(kActions);
    for (std::size_t count = random() % (kind == Rules::one ? 2 : 4); count > 0; --count) {
      oci::SeccompRule entry = rule({name}, kind == Rules::any ? pick(kActions) : verdict);
      std::set<std::uint32_t> used;
      for (std::size_t conditions = random() % 3; conditions > 0; --conditions) {
        const auto index = static_cast<std::uint32_t>(random() % 3);
        if (used.insert(index).second) {
          const std::string op = kind == Rules::equalities ? "EQ" : pick(kOps);
          entry.args.push_back(arg(index, op, pick(kValues), pick(kValues)));
        }
      }
      result.syscalls.push_back(std::move(entry));
    }
  }
  return result;
}

}  // namespace nucleus::hardening::testing
