#include "runtime/follower/bindings.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace nucleus::follower {
namespace {

const Address kOne = *parse_address("192.0.2.1");
const Address kSix = *parse_address("2001:db8::1");

Grant tcp(std::uint16_t first, std::uint16_t last) { return {6, 6, {first, last}}; }

TEST(Pieces, OverlappingLeasesAreCut) {
  EXPECT_EQ(pieces_of({{tcp(1, 100), 10}, {tcp(50, 200), 20}}),
            (std::vector<Lease>{{tcp(1, 49), 10}, {tcp(50, 200), 20}}));
  EXPECT_EQ(pieces_of({{tcp(1, 100), 20}, {tcp(50, 60), 10}}), (std::vector<Lease>{{tcp(1, 100), 20}}));
  EXPECT_EQ(pieces_of({{tcp(1, 100), 10}, {tcp(50, 60), 20}}),
            (std::vector<Lease>{{tcp(1, 49), 10}, {tcp(50, 60), 20}, {tcp(61, 100), 10}}));
  EXPECT_EQ(pieces_of({{tcp(0, 65535), 5}, {{17, 17, {0, 65535}}, 5}}),
            (std::vector<Lease>{{tcp(0, 65535), 5}, {{17, 17, {0, 65535}}, 5}}));
  EXPECT_EQ(pieces_of({{tcp(1, 2), 5}, {tcp(3, 4), 5}, {tcp(6, 7), 5}}),
            (std::vector<Lease>{{tcp(1, 4), 5}, {tcp(6, 7), 5}}));
  EXPECT_TRUE(pieces_of({}).empty());
}

TEST(Pieces, AllowTheSameAndDoNotOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<Lease> leases;
    for (unsigned i = random() % 6 + 1; i > 0; --i) {
      const std::uint16_t first = random() % 20;
      const auto protocol = static_cast<std::uint8_t>(random() % 2 == 0 ? 6 : 17);
      leases.push_back(
          {{protocol, protocol, {first, static_cast<std::uint16_t>(first + random() % 20)}}, random() % 3 + 1});
    }
    const auto pieces = pieces_of(leases);
    for (const unsigned protocol : {6U, 17U}) {
      for (unsigned port = 0; port < 45; ++port) {
        const auto end = [&](const std::vector<Lease>& list, int& hits) {
          Millis last = 0;
          for (const Lease& one : list) {
            if (one.grant.first_protocol == protocol && one.grant.ports.first <= port && port <= one.grant.ports.last) {
              last = std::max(last, one.end);
              ++hits;
            }
          }
          return last;
        };
        int ignored = 0;
        int hits = 0;
        ASSERT_EQ(end(pieces, hits), end(leases, ignored));
        ASSERT_LE(hits, 1);
      }
    }
  }
}

TEST(Bindings, ElementsOfBothFamilies) {
  Bindings bindings;
  const auto four = bindings.open({{kOne, {tcp(443, 443)}}}, 5000, 1000).value();
  ASSERT_EQ(four.add.size(), 1U);
  EXPECT_TRUE(four.remove.empty());
  EXPECT_EQ(four.add[0].first, (nft::Bytes{192, 0, 2, 1, 6, 0, 0, 0, 1, 187, 0, 0}));
  EXPECT_EQ(four.add[0].last, four.add[0].first);
  EXPECT_EQ(four.add[0].timeout_ms, 4000 + kKernelMargin);
  const auto six = bindings.open({{kSix, {{18, 255, {0, 65535}}}}}, 5000, 1000).value();
  EXPECT_EQ(six.add.at(0).first,
            (nft::Bytes{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 18, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(six.add.at(0).last,
            (nft::Bytes{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 255, 0, 0, 0, 255, 255, 0, 0}));
}

TEST(Bindings, NothingHoldsBeforeCommit) {
  Bindings bindings;
  (void)bindings.open({{kOne, {tcp(443, 443)}}}, 5000, 1000).value();
  EXPECT_EQ(bindings.size(), 0U);
  EXPECT_FALSE(bindings.next_end());
}

TEST(Bindings, ALongerEndReplacesTheElement) {
  Bindings bindings;
  bindings.commit(bindings.open({{kOne, {tcp(443, 443)}}}, 5000, 1000).value());
  const auto longer = bindings.open({{kOne, {tcp(443, 443)}}}, 9000, 2000).value();
  ASSERT_EQ(longer.remove.size(), 1U);
  ASSERT_EQ(longer.add.size(), 1U);
  EXPECT_EQ(longer.remove[0].first, longer.add[0].first);
  EXPECT_EQ(longer.add[0].timeout_ms, 7000 + kKernelMargin);
  bindings.commit(longer);
  EXPECT_EQ(bindings.next_end(), 9000U);
  EXPECT_FALSE(bindings.open({{kOne, {tcp(443, 443)}}}, 8000, 2000).value().touches_kernel()) << "open longer already";
}

TEST(Bindings, NamesShareAnAddress) {
  Bindings bindings;
  bindings.commit(bindings.open({{kOne, {tcp(443, 443)}}}, 5000, 1000).value());
  const auto second = bindings.open({{kOne, {tcp(400, 500)}}}, 7000, 1000).value();
  EXPECT_EQ(second.remove.size(), 1U);
  EXPECT_EQ(second.add.size(), 1U) << "the longer one covers the other";
  bindings.commit(second);
  EXPECT_EQ(bindings.next_end(), 5000U);
  const auto first_over = bindings.close_ended(5000);
  EXPECT_FALSE(first_over.touches_kernel());
  bindings.commit(first_over);
  EXPECT_EQ(bindings.next_end(), 7000U);
  const auto over = bindings.close_ended(7000);
  EXPECT_EQ(over.remove.size(), 1U);
  EXPECT_TRUE(over.add.empty());
  bindings.commit(over);
  EXPECT_EQ(bindings.size(), 0U);
  EXPECT_FALSE(bindings.next_end());
}

TEST(Bindings, TheSameAddressTwiceInOneAnswer) {
  Bindings bindings;
  const auto change = bindings.open({{kOne, {tcp(1, 5)}}, {kOne, {tcp(4, 9)}}}, 5000, 1000).value();
  ASSERT_EQ(change.add.size(), 1U);
  EXPECT_EQ(change.after.at(kOne).pieces, (std::vector<Lease>{{tcp(1, 9), 5000}}));
}

TEST(Bindings, AreBounded) {
  Bindings bindings;
  std::vector<Destination> many;
  for (unsigned i = 0; i <= kAddressLimit; ++i) {
    Address address;
    address.bytes = {198, 51, static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)};
    many.push_back({address, {tcp(443, 443)}});
  }
  EXPECT_FALSE(bindings.open(many, 5000, 0).has_value());
  const Destination extra = many.back();
  many.pop_back();
  bindings.commit(bindings.open(many, 5000, 0).value());
  EXPECT_FALSE(bindings.open({extra}, 5000, 0).has_value());
  EXPECT_TRUE(bindings.open({many.front()}, 6000, 0).has_value()) << "known ones go on";
}

}  // namespace
}  // namespace nucleus::follower
