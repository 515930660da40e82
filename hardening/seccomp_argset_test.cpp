#include "hardening/seccomp_argset.hpp"

#include <gtest/gtest.h>

#include <random>

namespace nucleus::hardening {
namespace {

constexpr std::uint64_t kMax = ~0ULL;

// Few values, so that random conditions overlap, touch and contradict each other.
const std::vector<std::uint64_t> kValues = {0,    1,          2,           3,           7,        8,   0xf,
                                            0x10, 0xffffffff, 1ULL << 32U, 1ULL << 63U, kMax - 1, kMax};

bool holds(const Condition& condition, std::uint64_t x) {
  switch (condition.op) {
    case Compare::ne:
      return x != condition.value;
    case Compare::lt:
      return x < condition.value;
    case Compare::le:
      return x <= condition.value;
    case Compare::eq:
      return x == condition.value;
    case Compare::ge:
      return x >= condition.value;
    case Compare::gt:
      return x > condition.value;
    case Compare::masked_eq:
      return (x & condition.value) == (condition.value_two & condition.value);
  }
  return false;
}

std::vector<std::uint64_t> probes() {
  std::vector<std::uint64_t> all;
  for (const std::uint64_t value : kValues) {
    all.insert(all.end(), {value, value - 1, value + 1, value ^ (1ULL << 32U), value | 0x100});
  }
  return all;
}

class ArgSetProperties : public ::testing::Test {
 protected:
  std::mt19937_64 random{20261124};
  const std::vector<std::uint64_t> values = probes();

  Condition condition() {
    const auto op = static_cast<Compare>(random() % 7);
    return {op, kValues[random() % kValues.size()], op == Compare::masked_eq ? kValues[random() % kValues.size()] : 0};
  }
};

TEST_F(ArgSetProperties, ConditionsAndConjunctionsContainWhatTheySay) {
  for (int round = 0; round < 20000; ++round) {
    const std::vector<Condition> conditions = {condition(), condition(), condition()};
    const ArgSet all = ArgSet(conditions[0]) & ArgSet(conditions[1]) & ArgSet(conditions[2]);
    for (const std::uint64_t x : values) {
      bool expected = true;
      for (const Condition& one : conditions) {
        EXPECT_EQ(ArgSet(one).contains(x), holds(one, x));
        expected = expected && holds(one, x);
      }
      ASSERT_EQ(all.contains(x), expected) << "round " << round << " x " << x;
      ASSERT_FALSE(all.empty() && expected);
    }
  }
}

TEST_F(ArgSetProperties, ComplementIsTheRest) {
  for (int round = 0; round < 5000; ++round) {
    const ArgSet set = ArgSet(condition()) & ArgSet(condition());
    const auto rest = set.complement();
    for (const std::uint64_t x : values) {
      const bool outside = std::any_of(rest.begin(), rest.end(), [x](const ArgSet& one) { return one.contains(x); });
      ASSERT_NE(set.contains(x), outside) << "round " << round << " x " << x;
    }
  }
}

TEST_F(ArgSetProperties, ConditionSaysTheSameAsTheSet) {
  int expressed = 0;
  for (int round = 0; round < 20000; ++round) {
    const ArgSet set = ArgSet(condition()) & ArgSet(condition());
    if (const auto one = set.condition()) {
      ++expressed;
      EXPECT_EQ(ArgSet(*one), set);
      for (const std::uint64_t x : values) {
        ASSERT_EQ(holds(*one, x), set.contains(x)) << "round " << round << " x " << x;
      }
    }
  }
  EXPECT_GT(expressed, 1000);
}

TEST_F(ArgSetProperties, EverySingleConditionIsExpressible) {
  for (int round = 0; round < 2000; ++round) {
    const ArgSet set(condition());
    EXPECT_TRUE(set.everything() || set.empty() || set.condition().has_value());
  }
}

TEST(ArgSet, ContradictionsAreEmpty) {
  const ArgSet one({Compare::eq, 1, 0});
  EXPECT_TRUE((one & ArgSet({Compare::ne, 1, 0})).empty());
  EXPECT_TRUE((one & ArgSet({Compare::gt, 1, 0})).empty());
  EXPECT_TRUE((one & ArgSet({Compare::masked_eq, 2, 2})).empty());
  EXPECT_TRUE((ArgSet({Compare::masked_eq, 3, 1}) & ArgSet({Compare::masked_eq, 2, 2})).empty());
  EXPECT_TRUE(ArgSet({Compare::lt, 0, 0}).empty());
  EXPECT_TRUE(ArgSet({Compare::gt, kMax, 0}).empty());
}

TEST(ArgSet, CompatibleMasksMerge) {
  const ArgSet merged = ArgSet({Compare::masked_eq, 0xf, 1}) & ArgSet({Compare::masked_eq, 0xf0, 0x20});
  EXPECT_EQ(merged.condition(), (Condition{Compare::masked_eq, 0xff, 0x21}));
}

TEST(ArgSet, TwoDifferentHolesNeedTwoConditions) {
  EXPECT_FALSE((ArgSet({Compare::ne, 5, 0}) & ArgSet({Compare::ne, 9, 0})).condition().has_value());
}

}  // namespace
}  // namespace nucleus::hardening
