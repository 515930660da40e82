// nftables in network namespaces of their own, with nft(8) as the judge.
#include "runtime/sys/nftables.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/sys/nftables_kernel_test_support.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::sys {
namespace {

using test::NftablesTest;
using test::output_of;

constexpr char kSomeAsText[] = R"(table inet nucleus_1 {
	comment "policy 0123456789abcdef"
	set denied4 {
		type ipv4_addr . inet_proto . inet_service
		size 256
		flags dynamic,timeout
		timeout 1h
	}

	set denied6 {
		type ipv6_addr . inet_proto . inet_service
		size 256
		flags dynamic,timeout
		timeout 1h
	}

	set allow4 {
		type ipv4_addr . inet_proto . inet_service
		flags interval
		elements = { 1.2.3.4 . udp . 53,
			     10.0.0.0/8 . tcp . 80-443 }
	}

	set names4 {
		type ipv4_addr . inet_proto . inet_service
		flags interval,timeout
	}

	set single {
		type ipv4_addr
		elements = { 192.0.2.1 }
	}

	chain output {
		type filter hook output priority filter; policy drop;
		oif "lo" accept
		ct state established,related accept
		icmpv6 type nd-neighbor-solicit accept
		ip daddr . meta l4proto . th dport @allow4 accept
		ip daddr . meta l4proto . th dport @names4 accept
		update @denied4 { ip daddr . meta l4proto . th dport timeout 1h }
		update @denied6 { ip6 daddr . meta l4proto . th dport timeout 1h }
		counter packets 0 bytes 0 drop
	}

	chain dns {
		type nat hook output priority -100; policy accept;
		meta mark != 0x00000017 udp dport 53 redirect to :5353
	}
}
)";

TEST_F(NftablesTest, WhatIsInstalledIsListedAndReadsBackEqual) {
  in_netns([](int socket) {
    const nft::Table some = test::allow_some("nucleus_1");
    const nft::Table none = test::deny_all("nucleus_2");
    install(socket, some);
    install(socket, none);
    ASSERT_OK_ASSIGN(const auto names, list_tables(socket));
    EXPECT_EQ(names, (std::vector<std::string>{"nucleus_1", "nucleus_2"}));
    EXPECT_EQ(difference(socket, some), "none");
    EXPECT_EQ(difference(socket, none), "none");
    ASSERT_OK_ASSIGN(const NftReading reading, read_table(socket, "nucleus_1"));
    EXPECT_EQ(reading.chains, some.chains);
    EXPECT_EQ(reading.comment, some.comment);
    EXPECT_EQ(output_of("nft list table inet nucleus_1"), kSomeAsText);
  });
}

std::string error_text(const Status& status) { return status ? "none" : status.error().text; }
int error_number(const Status& status) { return status ? 0 : status.error().sys_errno; }

TEST_F(NftablesTest, RemovalTakesOneTableOnly) {
  in_netns([](int socket) {
    install(socket, test::deny_all("one"));
    install(socket, test::allow_some("two"));
    ASSERT_OK(send_batch(socket, encode_removal("one")));
    ASSERT_OK_ASSIGN(const auto names, list_tables(socket));
    EXPECT_EQ(names, (std::vector<std::string>{"two"}));
    EXPECT_EQ(error_number(send_batch(socket, encode_removal("one"))), ENOENT);
    const auto gone = read_table(socket, "one");
    EXPECT_EQ(gone ? 0 : gone.error().sys_errno, ENOENT);
    EXPECT_EQ(difference(socket, test::allow_some("two")), "none");
  });
}

TEST_F(NftablesTest, AnExistingTableIsLeftAlone) {
  in_netns([](int socket) {
    install(socket, test::deny_all("x"));
    ASSERT_OK_ASSIGN(const NftBatch batch, encode_table(test::allow_some("x")));
    const Status status = send_batch(socket, batch);
    EXPECT_EQ(error_number(status), EEXIST);
    EXPECT_EQ(error_text(status), "nftables: table x: file exists");
    EXPECT_EQ(difference(socket, test::deny_all("x")), "none");
  });
}

TEST_F(NftablesTest, ErrorsNameWhatFailedAndNothingIsInstalled) {
  in_netns([](int socket) {
    const auto failure = [&](const nft::Table& table) {
      const auto batch = encode_table(table);
      return batch ? send_batch(socket, *batch) : fail(ErrorCode::internal, batch.error().text);
    };
    // The kernel has no updates of interval sets from the packet path.
    const nft::Rule update = test::rule(test::joined(test::load_flow4(), {nft::Update{"s", 0, 1000}}));
    const Status unsupported =
        failure(test::one_chain({test::loopback_rule(), update}, {test::names_set("s", test::kFlow4)}));
    EXPECT_EQ(error_number(unsupported), EOPNOTSUPP);
    EXPECT_EQ(error_text(unsupported), "nftables: rule 2 of output: operation not supported");
    const Status missing = failure(test::one_chain({test::rule({nft::Lookup{"gone", 0}})}));
    EXPECT_EQ(error_number(missing), ENOENT);
    EXPECT_EQ(error_text(missing), "nftables: rule 1 of output: not known to this kernel");
    const Status twice =
        failure(test::one_chain({}, {test::interval_set("a", test::kFlow4), test::interval_set("a", test::kFlow4)}));
    EXPECT_EQ(error_text(twice), "nftables: set a: file exists");
    const nft::Rule redirect = test::rule({nft::RedirectTo{53}});
    EXPECT_EQ(error_text(failure(test::one_chain({redirect}))), "nftables: rule 1 of output: operation not supported");
    ASSERT_OK_ASSIGN(const auto names, list_tables(socket));
    EXPECT_TRUE(names.empty());
  });
}

TEST_F(NftablesTest, ManyFailuresAtOnceStillNameTheFirst) {
  in_netns([](int socket) {
    nft::Table table = test::one_chain({});
    table.chains[0].rules.assign(5000, test::rule({nft::Lookup{"gone", 0}}));
    ASSERT_OK_ASSIGN(const NftBatch batch, encode_table(table));
    EXPECT_EQ(error_text(send_batch(socket, batch)), "nftables: rule 1 of output: not known to this kernel");
    install(socket, test::deny_all("x"));  // what was left unread is not taken for an answer
    EXPECT_EQ(difference(socket, test::deny_all("x")), "none");
  });
}

TEST_F(NftablesTest, WithoutCapabilityNothingIsInstalled) {
  in_netns([](int socket) {
    ASSERT_OK_ASSIGN(const NftBatch batch, encode_table(test::deny_all("x")));
    ASSERT_EQ(::setresuid(65534, 65534, 65534), 0);
    EXPECT_EQ(error_number(send_batch(socket, batch)), EPERM);
  });
}

std::vector<nft::Element> networks(unsigned count) {
  std::vector<nft::Element> elements;
  for (unsigned i = 0; i < count; ++i) {
    const auto high = static_cast<std::uint8_t>(i >> 8U);
    const auto low = static_cast<std::uint8_t>(i);
    elements.push_back(test::range4({10, high, low, 0}, {10, high, low, 127}, 6, 1, 65535));
  }
  return elements;
}

TEST_F(NftablesTest, ManyNetworksInOneTransaction) {
  in_netns([](int socket) {
    for (const unsigned count : {1000U, 10000U}) {
      nft::Table table = test::one_chain({}, {test::interval_set("big", test::kFlow4, networks(count))});
      install(socket, table);
      EXPECT_EQ(difference(socket, table), "none");
      ASSERT_OK_ASSIGN(const NftReading reading, read_table(socket, "x"));
      ASSERT_NE(reading.find_set("big"), nullptr);
      EXPECT_EQ(reading.find_set("big")->elements.size(), count);
      EXPECT_EQ(reading.find_set("small"), nullptr);
      ASSERT_OK(send_batch(socket, encode_removal("x")));
    }
  });
}

TEST_F(NftablesTest, NamesAreReplacedInOneTransaction) {
  in_netns([](int socket) {
    install(socket, test::one_chain({}, {test::names_set("names4", test::kFlow4)}));
    const nft::Element first = test::point4({192, 0, 2, 1}, 6, 443, 60000);
    const nft::Element second = test::range4({192, 0, 2, 2}, {192, 0, 2, 2}, 6, 80, 90, 120000);
    const auto elements = [&] {
      auto reading = read_table(socket, "x");
      return reading ? reading->sets.at(0).elements : std::vector<NftReading::Element>{};
    };
    ASSERT_OK(send_batch(socket, encode_elements("x", "names4", {first}, {})));
    ASSERT_EQ(elements().size(), 1U);
    EXPECT_EQ(elements()[0].element, first);
    EXPECT_GT(elements()[0].expires_ms, 50000U);
    EXPECT_LE(elements()[0].expires_ms, 60000U);
    ASSERT_OK(send_batch(socket, encode_elements("x", "names4", {second}, {first})));
    ASSERT_EQ(elements().size(), 1U);
    EXPECT_EQ(elements()[0].element, second);
    nft::Element longer = second;
    longer.timeout_ms = 600000;
    ASSERT_OK(send_batch(socket, encode_elements("x", "names4", {longer}, {second})));
    ASSERT_EQ(elements().size(), 1U);
    EXPECT_EQ(elements()[0].element, longer);
    EXPECT_GT(elements()[0].expires_ms, 500000U);
    EXPECT_NE(output_of("nft list table inet x").find("192.0.2.2 . tcp . 80-90 timeout 10m expires "),
              std::string::npos);
  });
}

TEST_F(NftablesTest, AFailedChangeOfASetChangesNothing) {
  in_netns([](int socket) {
    install(socket, test::one_chain({}, {test::names_set("names4", test::kFlow4)}));
    const nft::Element first = test::point4({192, 0, 2, 1}, 6, 443);
    const nft::Element gone = test::point4({192, 0, 2, 9}, 6, 443);
    ASSERT_OK(send_batch(socket, encode_elements("x", "names4", {first}, {})));
    const Status status =
        send_batch(socket, encode_elements("x", "names4", {test::point4({192, 0, 2, 2}, 6, 443)}, {first, gone}));
    EXPECT_EQ(error_number(status), ENOENT);
    EXPECT_EQ(error_text(status), "nftables: elements out of set names4: not known to this kernel");
    ASSERT_OK_ASSIGN(const NftReading reading, read_table(socket, "x"));
    ASSERT_EQ(reading.sets[0].elements.size(), 1U);
    EXPECT_EQ(reading.sets[0].elements[0].element, first);
  });
}

TEST_F(NftablesTest, ElementsExpire) {
  in_netns([](int socket) {
    install(socket, test::one_chain({}, {test::names_set("names4", test::kFlow4)}));
    ASSERT_OK(send_batch(
        socket,
        encode_elements("x", "names4",
                        {test::point4({192, 0, 2, 1}, 6, 443, 100), test::point4({192, 0, 2, 2}, 6, 443, 60000)}, {})));
    ::usleep(200000);
    ASSERT_OK_ASSIGN(const NftReading reading, read_table(socket, "x"));
    ASSERT_EQ(reading.sets[0].elements.size(), 1U);
    EXPECT_EQ(reading.sets[0].elements[0].element.first, test::flow4({192, 0, 2, 2}, 6, 443));
  });
}

// What another program puts into the table is noticed.
TEST_F(NftablesTest, ChangesByOthersAreSeen) {
  in_netns([](int socket) {
    const nft::Table table = test::allow_some("x");
    install(socket, table);
    ASSERT_EQ(output_of("nft add element inet x allow4 '{ 192.0.2.1 . tcp . 1 }'"), "");
    EXPECT_EQ(difference(socket, table), "elements of set allow4");
    ASSERT_EQ(output_of("nft delete element inet x allow4 '{ 192.0.2.1 . tcp . 1 }'"), "");
    ASSERT_EQ(difference(socket, table), "none");
    ASSERT_EQ(output_of("nft insert rule inet x output accept"), "");
    EXPECT_EQ(difference(socket, table), "number of rules of output");
    ASSERT_EQ(output_of("nft add rule inet x output reject"), "");
    const auto reading = read_table(socket, "x");
    ASSERT_FALSE(reading);
    EXPECT_EQ(reading.error().sys_errno, EBADMSG);
  });
}

TEST_F(NftablesTest, SocketInAnotherNamespaceStaysThere) {
  test::in_child(CLONE_NEWNET, [] {
    const NamespaceKind& kind = *find_namespace_kind("network");
    ASSERT_OK_ASSIGN(const UniqueFd other, open_namespace("/proc/self/ns/net", kind));
    ASSERT_OK(unshare_namespaces(CLONE_NEWNET));
    ASSERT_OK_ASSIGN(const NamespaceId before, own_namespace_id(kind));
    ASSERT_OK_ASSIGN(const UniqueFd socket, open_nftables_in(other.get()));
    EXPECT_EQ(::fcntl(socket.get(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(own_namespace_id(kind).value(), before);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no child is left
    test::NftablesTest::install(socket.get(), test::deny_all("x"));
    ASSERT_OK_ASSIGN(const UniqueFd own, open_nftables());
    EXPECT_TRUE(list_tables(own.get())->empty());
    ASSERT_OK(join_namespace(other.get(), kind));
    ASSERT_OK_ASSIGN(const UniqueFd inside, open_nftables());
    EXPECT_EQ(list_tables(inside.get()).value(), (std::vector<std::string>{"x"}));
    const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const auto refused = open_nftables_in(file.get());
    EXPECT_EQ(refused ? 0 : refused.error().sys_errno, EINVAL);
  });
}

// As rootless: the network namespace belongs to a user namespace of one's own.
TEST_F(NftablesTest, SocketInTheNamespaceOfAnOwnUserNamespace) {
  test::in_child(0, [] {
    ASSERT_EQ(::setresgid(65534, 65534, 65534), 0);
    ASSERT_EQ(::setresuid(65534, 65534, 65534), 0);
    ASSERT_OK(set_dumpable(true));
    ASSERT_OK_ASSIGN(Cloned cloned, clone3({CLONE_NEWUSER | CLONE_NEWNET, -1}));
    if (cloned.pid == 0) {
      ::pause();
    }
    const Child holder(cloned.pid, std::move(cloned.pidfd));
    ASSERT_OK_ASSIGN(const UniqueFd netns, open_namespace("/proc/" + std::to_string(holder.pid()) + "/ns/net",
                                                          *find_namespace_kind("network")));
    ASSERT_OK_ASSIGN(const UniqueFd socket, open_nftables_in(netns.get()));
    const nft::Table table = test::one_chain({}, {test::interval_set("big", test::kFlow4, networks(5000))});
    test::NftablesTest::install(socket.get(), table);
    EXPECT_EQ(test::NftablesTest::difference(socket.get(), table), "none");
  });
}

}  // namespace
}  // namespace nucleus::sys
