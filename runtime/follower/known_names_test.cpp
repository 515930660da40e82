#include "runtime/follower/known_names.hpp"

#include <gtest/gtest.h>

namespace nucleus::follower {
namespace {

KnownName found(const std::string& name, Rcode v6 = Rcode::noerror) {
  KnownName known;
  known.name = wire_of(name).value();
  known.v4.rcode = Rcode::noerror;
  known.v4.addresses = {*parse_address("192.0.2.1")};
  known.v6.rcode = v6;
  return known;
}

TEST(KnownNames, LivesOfAnswers) {
  EXPECT_EQ(life_of(0), 2000U);
  EXPECT_EQ(life_of(60), 60000U);
  EXPECT_EQ(life_of(0xffffffff), 3600U * 1000);
}

TEST(KnownNames, FreshAndDue) {
  KnownNames names;
  names.learn("a.test", found("a.test"), 60000, true, 1000);
  EXPECT_NE(names.fresh("a.test", 60999), nullptr);
  EXPECT_EQ(names.fresh("a.test", 61000), nullptr);
  EXPECT_EQ(names.fresh("b.test", 1000), nullptr);
  EXPECT_EQ(names.next_due(1000), 51000U);
  EXPECT_TRUE(names.take_due(50999, 9).empty());
  EXPECT_EQ(names.take_due(51000, 9), std::vector<WireName>{*wire_of("a.test")});
  EXPECT_TRUE(names.take_due(51000, 9).empty()) << "not twice";
  EXPECT_EQ(names.next_due(51000), 51000 + kRefreshRetry);
}

TEST(KnownNames, AFamilyThatFailedIsAskedAgainSoon) {
  KnownNames names;
  names.learn("a.test", found("a.test", Rcode::servfail), 60000, true, 1000);
  EXPECT_EQ(names.fresh("a.test", 1000 + kFailureLife), nullptr);
  EXPECT_EQ(names.next_due(1000), 51000U) << "the other one lives on";
}

TEST(KnownNames, WhatNeverHadAnAddressIsNotRefreshed) {
  KnownNames names;
  names.learn("a.test", found("a.test"), std::nullopt, true, 1000);
  EXPECT_NE(names.fresh("a.test", 1000), nullptr);
  EXPECT_FALSE(names.next_due(1000));
}

TEST(KnownNames, ARefreshOfAForgottenNameIsForgotten) {
  KnownNames names;
  names.learn("a.test", found("a.test"), 60000, false, 1000);
  EXPECT_EQ(names.size(), 0U);
}

TEST(KnownNames, TheOldestMakesRoom) {
  KnownNames names;
  for (std::size_t i = 0; i < kNamesKept; ++i) {
    const std::string text = "n" + std::to_string(i) + ".test";
    names.learn(text, found(text), 3600000, true, 1000 + i);
  }
  names.touch("n0.test", 5000);
  names.learn("new.test", found("new.test"), 3600000, true, 6000);
  EXPECT_EQ(names.size(), kNamesKept);
  EXPECT_NE(names.fresh("n0.test", 6000), nullptr);
  EXPECT_EQ(names.fresh("n1.test", 6000), nullptr);
}

}  // namespace
}  // namespace nucleus::follower
