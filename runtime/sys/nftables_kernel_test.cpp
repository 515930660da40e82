// nftables in network namespaces of their own, with nft(8) as the judge.
#include "runtime/sys/nftables.hpp"

#include <sched.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "runtime/sys/kernel_test_support.hpp"
#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/nftables_test_tables.hpp"

namespace nucleus::sys {
namespace {

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

// What a command prints; "exit status N" where it fails.
std::string output_of(const std::string& command) {
  const auto close_pipe = [](std::FILE* pipe) { return ::pclose(pipe); };
  std::unique_ptr<std::FILE, decltype(close_pipe)> pipe(::popen((command + " 2>&1").c_str(), "re"), close_pipe);
  std::string text;
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) {
    text.append(buffer.data(), got);
  }
  const int status = ::pclose(pipe.release());
  return status == 0 ? text : "exit status " + std::to_string(status) + ": " + text;
}

class NftablesTest : public ::testing::Test {
 protected:
  // `body` with a socket in a new network namespace, lo up.
  static void in_netns(const std::function<void(int)>& body) {
    test::in_child(CLONE_NEWNET, [&] {
      ASSERT_OK(bring_loopback_up());
      ASSERT_OK_ASSIGN(const UniqueFd socket, open_nftables());
      body(socket.get());
    });
  }
  static void install(int socket, const nft::Table& table) {
    ASSERT_OK_ASSIGN(const NftBatch batch, encode_table(table));
    ASSERT_OK(send_batch(socket, batch));
  }
  static std::string difference(int socket, const nft::Table& table) {
    const auto reading = read_table(socket, table.name);
    return reading ? first_difference(table, *reading).value_or("none") : reading.error().text;
  }
};

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

}  // namespace
}  // namespace nucleus::sys
