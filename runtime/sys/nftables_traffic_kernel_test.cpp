// What the kernel does with packets under the tables we install.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/sys/nftables.hpp"
#include "runtime/sys/nftables_kernel_test_support.hpp"

namespace nucleus::sys {
namespace {

using test::NftablesTest;
using test::output_of;

sockaddr_in address_of(const char* text, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  EXPECT_EQ(::inet_pton(AF_INET, text, &address.sin_addr), 1);
  return address;
}

UniqueFd udp_socket() {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval patience{1, 0};
  EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
  return fd;
}

// An errno, 0 when the packet left.
int send_udp(int fd, const char* to, std::uint16_t port) {
  const sockaddr_in address = address_of(to, port);
  return ::sendto(fd, "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 1 ? 0 : errno;
}

struct Received {
  std::string text;
  std::string from;
  sockaddr_in address{};
};
Received receive_udp(int fd) {
  Received received;
  std::array<char, 16> buffer{};
  socklen_t length = sizeof(received.address);
  const ssize_t got =
      ::recvfrom(fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&received.address), &length);
  if (got < 0) {
    return {"nothing", "", {}};
  }
  received.text.assign(buffer.data(), static_cast<std::size_t>(got));
  std::array<char, INET_ADDRSTRLEN> name{};
  ::inet_ntop(AF_INET, &received.address.sin_addr, name.data(), name.size());
  received.from = std::string(name.data()) + ":" + std::to_string(ntohs(received.address.sin_port));
  return received;
}

// A network namespace with somewhere for packets to go: without a route they do not get as far as the output hook.
void in_routed_netns(const std::function<void(int)>& body) {
  NftablesTest::in_netns([&](int socket) {
    ASSERT_EQ(output_of("ip link add v0 type veth peer name v1 && ip address add 192.0.2.2/24 dev v0 && "
                        "ip link set v0 up && ip link set v1 up && ip route add default via 192.0.2.1"),
              "");
    body(socket);
  });
}

TEST_F(NftablesTest, ADroppedPacketIsCountedAndItsDestinationKept) {
  in_routed_netns([](int socket) {
    const UniqueFd udp = udp_socket();
    ASSERT_EQ(send_udp(udp.get(), "198.51.100.7", 4444), 0);
    install(socket, test::deny_all("x"));
    EXPECT_EQ(send_udp(udp.get(), "198.51.100.7", 4445), EPERM);
    EXPECT_EQ(send_udp(udp.get(), "198.51.100.7", 4445), EPERM);
    EXPECT_EQ(send_udp(udp.get(), "127.0.0.1", 4444), 0);
    ASSERT_OK_ASSIGN(const NftReading reading, read_table(socket, "x"));
    const auto* const denied = reading.find_set("denied4");
    ASSERT_NE(denied, nullptr);
    ASSERT_EQ(denied->elements.size(), 1U);
    EXPECT_EQ(denied->elements[0].element.first, test::flow4({198, 51, 100, 7}, 17, 4445));
    EXPECT_GT(denied->elements[0].expires_ms, test::kHour - 10000);
    EXPECT_LE(denied->elements[0].expires_ms, test::kHour);
    ASSERT_EQ(reading.counters.size(), 1U);
    EXPECT_EQ(reading.counters[0].chain, "output");
    EXPECT_EQ(reading.counters[0].rule, 5U);
    EXPECT_EQ(reading.counters[0].packets, 2U);
    EXPECT_EQ(reading.counters[0].bytes, 2U * 29);
    EXPECT_EQ(first_difference(test::deny_all("x"), reading), std::nullopt);
  });
}

TEST_F(NftablesTest, Ipv6IsNoWayOut) {
  in_routed_netns([](int socket) {
    ASSERT_EQ(output_of("ip address add 2001:db8::2/64 dev v0 nodad && ip -6 route add default via 2001:db8::1"), "");
    const UniqueFd udp(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto send_to = [&](std::uint16_t port) {
      sockaddr_in6 address{};
      address.sin6_family = AF_INET6;
      address.sin6_port = htons(port);
      EXPECT_EQ(::inet_pton(AF_INET6, "2001:db8:7::7", &address.sin6_addr), 1);
      return ::sendto(udp.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 1 ? 0
                                                                                                               : errno;
    };
    ASSERT_EQ(send_to(443), 0);
    nft::Table table = test::deny_all("x");
    table.sets.push_back(test::names_set("names6", test::kFlow6));
    auto& rules = table.chains[0].rules;
    rules.insert(
        rules.begin() + 3,
        test::rule(test::joined(test::load_flow6(), {nft::Lookup{"names6", 0}, nft::Decide{nft::Verdict::accept}})));
    install(socket, table);
    EXPECT_EQ(send_to(444), EPERM);
    ASSERT_OK_ASSIGN(const NftReading reading, read_table(socket, "x"));
    // The kernel's own multicast reports may be denied as well, when they come so late.
    auto denied = reading.find_set("denied6")->elements;
    std::erase_if(denied, [](const auto& one) { return one.element.first[0] == 0xff; });
    ASSERT_EQ(denied.size(), 1U);
    const nft::Bytes flow = denied[0].element.first;
    EXPECT_EQ(flow,
              (nft::Bytes{0x20, 0x01, 0x0d, 0xb8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 17, 0, 0, 0, 1, 188, 0, 0}));
    ASSERT_OK(send_batch(socket, encode_elements("x", "names6", {{flow, flow, 0}}, {})));
    EXPECT_EQ(send_to(444), 0);
    EXPECT_EQ(send_to(445), EPERM);
  });
}

TEST_F(NftablesTest, SetsOfDeniedDestinationsAreBounded) {
  in_routed_netns([](int socket) {
    nft::Table table = test::deny_all("x");
    table.sets[0].size = 8;
    install(socket, table);
    const UniqueFd udp = udp_socket();
    for (std::uint16_t port = 1; port <= 100; ++port) {
      EXPECT_EQ(send_udp(udp.get(), "198.51.100.7", port), EPERM);
    }
    ASSERT_OK_ASSIGN(const NftReading reading, read_table(socket, "x"));
    EXPECT_EQ(reading.find_set("denied4")->elements.size(), 8U);
    EXPECT_EQ(reading.counters[0].packets, 100U);
  });
}

TEST_F(NftablesTest, SetsLetThroughWhatIsInThem) {
  in_routed_netns([](int socket) {
    install(socket, test::allow_some("x"));
    const UniqueFd udp = udp_socket();
    EXPECT_EQ(send_udp(udp.get(), "1.2.3.4", 54), EPERM);
    EXPECT_EQ(send_udp(udp.get(), "1.2.3.5", 53), EPERM);
    EXPECT_EQ(send_udp(udp.get(), "10.1.2.3", 80), EPERM);  // allowed for tcp
    EXPECT_EQ(send_udp(udp.get(), "198.51.100.7", 8000), EPERM);
    const nft::Element name = test::range4({198, 51, 100, 0}, {198, 51, 100, 127}, 17, 8000, 8001, 60000);
    ASSERT_OK(send_batch(socket, encode_elements("x", "names4", {name}, {})));
    EXPECT_EQ(send_udp(udp.get(), "198.51.100.7", 8000), 0);
    EXPECT_EQ(send_udp(udp.get(), "198.51.100.127", 8001), 0);
    EXPECT_EQ(send_udp(udp.get(), "198.51.100.128", 8001), EPERM);
    EXPECT_EQ(send_udp(udp.get(), "198.51.100.7", 8002), EPERM);
    ASSERT_OK(send_batch(socket, encode_elements("x", "names4", {}, {name})));
    const UniqueFd another = udp_socket();  // the first one's flow is established
    EXPECT_EQ(send_udp(another.get(), "198.51.100.7", 8001), EPERM);
  });
}

TEST_F(NftablesTest, RedirectedQueriesAreAnsweredInTheNameOfTheirDestination) {
  in_routed_netns([](int socket) {
    nft::Table table{.name = "x", .comment = "", .sets = {}, .chains = {test::allow_some("x").chains[1]}};
    install(socket, table);
    const UniqueFd server = udp_socket();
    const sockaddr_in here = address_of("127.0.0.1", 5353);
    ASSERT_EQ(::bind(server.get(), reinterpret_cast<const sockaddr*>(&here), sizeof(here)), 0);
    const UniqueFd client = udp_socket();
    ASSERT_EQ(send_udp(client.get(), "198.51.100.53", 53), 0);
    const Received query = receive_udp(server.get());
    ASSERT_EQ(query.text, "x");
    ASSERT_EQ(
        ::sendto(server.get(), "y", 1, 0, reinterpret_cast<const sockaddr*>(&query.address), sizeof(query.address)), 1);
    const Received answer = receive_udp(client.get());
    EXPECT_EQ(answer.text, "y");
    EXPECT_EQ(answer.from, "198.51.100.53:53");
    // What carries the mark goes where it says.
    const UniqueFd marked = udp_socket();
    const int mark = 0x17;
    ASSERT_EQ(::setsockopt(marked.get(), SOL_SOCKET, SO_MARK, &mark, sizeof(mark)), 0);
    ASSERT_EQ(send_udp(marked.get(), "198.51.100.53", 53), 0);
    EXPECT_EQ(receive_udp(server.get()).text, "nothing");
  });
}

// The cgroup v2 root has the id 1.
TEST_F(NftablesTest, TheCgroupOfTheSocketDecides) {
  in_routed_netns([](int socket) {
    const auto table_for = [](std::uint8_t id) {
      return test::one_chain({test::rule(
          {nft::LoadSocketCgroup{0, 0}, test::equal({id, 0, 0, 0, 0, 0, 0, 0}), nft::Decide{nft::Verdict::accept}})});
    };
    const UniqueFd udp = udp_socket();
    install(socket, table_for(2));
    EXPECT_EQ(difference(socket, table_for(2)), "none");
    EXPECT_EQ(send_udp(udp.get(), "198.51.100.7", 1), EPERM);
    ASSERT_OK(send_batch(socket, encode_removal("x")));
    install(socket, table_for(1));
    EXPECT_EQ(difference(socket, table_for(1)), "none");
    EXPECT_EQ(send_udp(udp.get(), "198.51.100.7", 1), 0);
  });
}

}  // namespace
}  // namespace nucleus::sys
