#include "runtime/follower/service.hpp"

#include <gtest/gtest.h>

namespace nucleus::follower {
namespace {

struct Asked {
  std::string name;
  std::uint16_t type = 0;
  Hands::Found found;
};

// The world around a Service: a resolver that answers when told, a kernel that can refuse, a list of replies.
class ServiceTest : public ::testing::Test {
 protected:
  Service service{AllowedNames::make({{"api.example", {{443, 443}}, true, false, false},
                                      {"*.example.com", {{443, 443}}, true, false, false},
                                      {"db", {{5432, 5432}}, true, false, true}})
                      .value(),
                  hands()};
  Millis now = 100000;
  std::vector<Asked> asked;
  std::vector<std::string> log;  // what happened, in order
  std::vector<std::string> replies;
  std::vector<Event> events;
  std::vector<nft::Element> added;
  bool kernel_refuses = false;

  Hands hands() {
    Hands result;
    result.now = [this] { return now; };
    result.ask = [this](const WireName& name, std::uint16_t type, Hands::Found found) {
      asked.push_back({std::string(name.begin(), name.end()), type, std::move(found)});
    };
    result.apply = [this](bool v6, const Change& change) -> Status {
      if (kernel_refuses) {
        return fail_errno("nftables", ENOSPC);
      }
      log.push_back((v6 ? "v6 +" : "v4 +") + std::to_string(change.add.size()) + " -" +
                    std::to_string(change.remove.size()));
      added.insert(added.end(), change.add.begin(), change.add.end());
      return {};
    };
    result.reply = [this](const Asker&, std::string bytes) {
      log.emplace_back("reply");
      replies.push_back(std::move(bytes));
    };
    result.tell = [this](const Event& event) { events.push_back(event); };
    return result;
  }

  void question(const std::string& name, std::uint16_t type = kTypeA) {
    service.take(compose_query(1, wire_of(name).value(), type), {});
  }
  // RCODE and number of answers of reply `index`.
  std::pair<int, int> reply(std::size_t index) {
    const std::string& bytes = replies.at(index);
    return {bytes[3] & 0xf, bytes[7]};
  }
  std::pair<int, int> last_reply() { return reply(replies.size() - 1); }

  static std::optional<Upstream> upstream(const std::vector<std::string>& addresses, std::uint32_t ttl) {
    Upstream result;
    result.rcode = Rcode::noerror;
    result.ttl = ttl;
    for (const std::string& address : addresses) {
      result.addresses.push_back(parse_address(address).value());
    }
    return result;
  }
  // Answers the two newest upstream questions.
  void resolve(const std::optional<Upstream>& v4, const std::optional<Upstream>& v6) {
    ASSERT_GE(asked.size(), 2U);
    auto four = std::move(asked[asked.size() - 2]);
    auto six = std::move(asked.back());
    ASSERT_EQ(four.type, kTypeA);
    ASSERT_EQ(six.type, kTypeAaaa);
    four.found(v4);
    six.found(v6);
  }
};

TEST_F(ServiceTest, BothFamiliesAreOpenBeforeTheReply) {
  question("api.example");
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_TRUE(replies.empty());
  asked[0].found(upstream({"192.0.2.1"}, 60));
  EXPECT_TRUE(replies.empty()) << "the other family is not known yet";
  asked[1].found(upstream({"2001:db8::1"}, 60));
  EXPECT_EQ(log, (std::vector<std::string>{"v4 +1 -0", "v6 +1 -0", "reply"}));
  EXPECT_EQ(last_reply(), std::make_pair(0, 1));
}

TEST_F(ServiceTest, OtherNamesNeverGoUpstream) {
  for (const char* name : {"evil.org", "example.com", "api.example.evil.org.", "x.api.example"}) {
    question(name);
  }
  EXPECT_TRUE(asked.empty());
  ASSERT_EQ(replies.size(), 4U);
  EXPECT_EQ(reply(0), std::make_pair(5, 0));
  EXPECT_EQ(reply(1), std::make_pair(5, 0));
  EXPECT_EQ(reply(2), std::make_pair(3, 0)) << "an allowed name with a search domain";
  EXPECT_EQ(reply(3), std::make_pair(5, 0));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].kind, "denied");
  EXPECT_EQ(events[0].name, "evil.org");
}

TEST_F(ServiceTest, OddBytesBelowASuffixAreRefused) {
  const WireName odd = {3, 'a', '.', 'b', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0};
  service.take(compose_query(1, odd, kTypeA), {});
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(last_reply(), std::make_pair(5, 0));
  EXPECT_EQ(events.at(0).name, "a\\046b.example.com");
}

TEST_F(ServiceTest, TheCaseOfLettersStaysInside) {
  question("aPi.eXAmple");
  EXPECT_EQ(asked.at(0).name, std::string("\3api\7example\0", 13));
  resolve(upstream({"192.0.2.1"}, 60), upstream({}, 0));
  EXPECT_NE(replies.at(0).find("aPi"), std::string::npos);
}

TEST_F(ServiceTest, OtherTypesAreEmptyAndStayInside) {
  for (const std::uint16_t type : {16, 65, 64, 255, 15, 6, 33, 5}) {
    question("api.example", type);
    EXPECT_EQ(last_reply(), std::make_pair(0, 0));
  }
  EXPECT_TRUE(asked.empty());
}

TEST_F(ServiceTest, NoElementNoAnswer) {
  kernel_refuses = true;
  question("api.example");
  resolve(upstream({"192.0.2.1"}, 60), upstream({}, 0));
  EXPECT_EQ(last_reply(), std::make_pair(2, 0));
  EXPECT_EQ(events.at(0).kind, "failed");
  kernel_refuses = false;
  now += kFailureLife;
  question("api.example");
  resolve(upstream({"192.0.2.1"}, 60), upstream({}, 0));
  EXPECT_EQ(last_reply(), std::make_pair(0, 1));
}

TEST_F(ServiceTest, RebindingIsWithheld) {
  question("api.example");
  resolve(upstream({"169.254.169.254", "10.0.0.1", "192.0.2.1"}, 60), upstream({"::ffff:10.0.0.1", "::1"}, 60));
  EXPECT_EQ(last_reply(), std::make_pair(0, 1));
  ASSERT_EQ(added.size(), 1U);
  EXPECT_EQ(added[0].first[0], 192);
  EXPECT_EQ(events.size(), 4U);
  EXPECT_EQ(events.at(0).kind, "withheld");
  question("db");
  resolve(upstream({"10.0.0.1", "127.0.0.1"}, 60), upstream({}, 60));
  EXPECT_EQ(last_reply(), std::make_pair(0, 1)) << "private = true";
}

TEST_F(ServiceTest, AnswersComeFromMemoryWhileTheyAreFresh) {
  question("api.example");
  resolve(upstream({"192.0.2.1"}, 60), upstream({"2001:db8::1"}, 90));
  now += 40000;
  question("api.example", kTypeAaaa);
  EXPECT_EQ(asked.size(), 2U);
  EXPECT_EQ(last_reply(), std::make_pair(0, 1));
  const std::string& bytes = replies.back();
  EXPECT_EQ(bytes[bytes.size() - 19], 20) << "seconds left";
  now += 20000;
  question("api.example");
  EXPECT_EQ(asked.size(), 4U);
}

TEST_F(ServiceTest, QuestionsForOneNameShareALookup) {
  question("api.example");
  question("api.example", kTypeAaaa);
  question("API.example");
  EXPECT_EQ(asked.size(), 2U);
  resolve(upstream({"192.0.2.1"}, 60), std::nullopt);
  ASSERT_EQ(replies.size(), 3U);
  EXPECT_EQ(reply(0), std::make_pair(0, 1));
  EXPECT_EQ(reply(1), std::make_pair(2, 0)) << "that family failed";
  EXPECT_EQ(reply(2), std::make_pair(0, 1));
}

TEST_F(ServiceTest, NegativeAnswersArePassedOn) {
  Upstream none;
  none.rcode = Rcode::nxdomain;
  question("a.example.com");
  resolve(none, none);
  EXPECT_EQ(last_reply(), std::make_pair(3, 0));
  EXPECT_TRUE(added.empty());
  question("a.example.com");
  EXPECT_EQ(asked.size(), 2U) << "remembered for a moment";
}

TEST_F(ServiceTest, AnElementLivesAsLongAsItsAnswerAndTheGrace) {
  question("api.example");
  resolve(upstream({"192.0.2.1"}, 2), upstream({}, 0));
  EXPECT_EQ(added.at(0).timeout_ms, 2000 + kGrace + kKernelMargin);
  now += 1500;
  EXPECT_LE(service.next_due().value(), now);
  service.do_due();
  ASSERT_EQ(asked.size(), 4U) << "asked again before the end";
  resolve(upstream({"192.0.2.2"}, 2), upstream({}, 0));
  ASSERT_EQ(added.size(), 2U);
  now += 2500;  // 4 s after the first
  log.clear();
  service.do_due();
  EXPECT_EQ(log.at(0), "v4 +0 -1") << "the old address is closed";
}

TEST_F(ServiceTest, ALongLivedClientKeepsItsDestinationForAnHour) {
  question("api.example");
  resolve(upstream({"192.0.2.1"}, 300), upstream({}, 0));
  const Millis start = now;
  std::size_t refreshed = 0;
  while (service.next_due()) {
    now = *service.next_due();
    const std::size_t before = asked.size();
    service.do_due();
    if (asked.size() > before) {
      resolve(upstream({"192.0.2.1"}, 300), upstream({}, 0));
      ++refreshed;
    }
  }
  EXPECT_EQ(refreshed, 12U);
  EXPECT_GE(now, start + 3600 * 1000);
  EXPECT_LE(now, start + (3600 + 302) * 1000);
}

TEST_F(ServiceTest, ARefreshThatFailsIsTriedAgain) {
  question("api.example");
  resolve(upstream({"192.0.2.1"}, 60), upstream({}, 0));
  now += 50000;
  service.do_due();
  resolve(std::nullopt, std::nullopt);
  EXPECT_EQ(asked.size(), 4U);
  now += kRefreshRetry;
  service.do_due();
  ASSERT_EQ(asked.size(), 6U);
  resolve(upstream({"192.0.2.1"}, 60), upstream({}, 0));
  EXPECT_EQ(added.size(), 2U);
}

TEST_F(ServiceTest, LookupsAreBounded) {
  for (std::size_t i = 0; i < 2 * kLookupLimit; ++i) {
    question("n" + std::to_string(i) + ".example.com");
  }
  EXPECT_EQ(service.lookups(), kLookupLimit);
  EXPECT_EQ(asked.size(), 2 * kLookupLimit);
  EXPECT_EQ(replies.size(), kLookupLimit);
  EXPECT_EQ(last_reply(), std::make_pair(2, 0));
}

TEST_F(ServiceTest, WaitersAreBounded) {
  for (std::size_t i = 0; i < kWaitingLimit + 3; ++i) {
    question("api.example");
  }
  EXPECT_EQ(replies.size(), 3U);
  resolve(upstream({"192.0.2.1"}, 60), upstream({}, 0));
  EXPECT_EQ(replies.size(), kWaitingLimit + 3);
}

TEST_F(ServiceTest, AFloodIsDropped) {
  for (int i = 0; i < 3000; ++i) {
    question("evil.org");
  }
  EXPECT_EQ(replies.size(), 1000U);
  EXPECT_EQ(events.size(), 1U);
  now += kRepeatAfter;
  question("evil.org");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].count, 1000U);
}

TEST_F(ServiceTest, ManyNamesDoNotFillTheMemory) {
  for (std::size_t i = 0; i < 2 * kNamesKept; ++i) {
    now += 1000;
    question("n" + std::to_string(i) + ".example.com");
    resolve(upstream({"192.0.2.1"}, 3600), upstream({}, 0));
  }
  const std::size_t before = asked.size();
  question("n0.example.com");
  EXPECT_EQ(asked.size(), before + 2) << "the oldest was forgotten";
}

TEST_F(ServiceTest, GarbageGetsAnErrorAtMost) {
  service.take("", {});
  service.take("hello", {});
  EXPECT_TRUE(replies.empty());
  service.take(std::string("\0\1\1\0\0\1\0\0\0\0\0\0\x3fzzz", 16), {});
  EXPECT_EQ(last_reply(), std::make_pair(1, 0));
}

}  // namespace
}  // namespace nucleus::follower
