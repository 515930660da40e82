// What test_follower.py runs the DNS follower by:
//   follower_runner start PID USERNS NETNS LOG RESOLVER[,RESOLVER] NAME[:PORTS][!]...   prints "FOLLOWER-PID PORT"
//   follower_runner list USERNS NETNS                        prints "SET ADDRESS PROTOCOLS PORTS MILLISECONDS-LEFT" a line
//   follower_runner drop USERNS NETNS                        removes the table
// PID is the container's init; USERNS and NETNS are namespace files, USERNS may be "-". PORTS are TCP, "!" lets the name
// lead to private addresses. `start` makes the table as an egress policy with names would.
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <sstream>

#include "runtime/base/io.hpp"
#include "runtime/follower/follower.hpp"
#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/nftables.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/sys/socket.hpp"

namespace {

using namespace nucleus;
using follower::Address;

constexpr const char* kTable = "nucleus_follower_test";
constexpr std::uint32_t kMark = 0x6e75636c;

using Words = std::vector<std::string>;

Words split(const std::string& text, char at) {
  Words words;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, at);) {
    words.push_back(word);
  }
  return words;
}

// ---- the table ------------------------------------------------------------------------------------------------------

template <class T>
nft::Bytes host_order(T value) {
  nft::Bytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

using Expressions = std::vector<nft::Expression>;

nft::Compare equal(nft::Bytes value) { return {nft::CompareOp::equal, 0, std::move(value)}; }

void accept(nft::Chain& chain, Expressions match) {
  match.emplace_back(nft::Decide{nft::Verdict::accept});
  chain.rules.push_back({std::move(match), ""});
}

void accept_set(nft::Table& table, nft::Chain& chain, bool v6) {
  const std::uint32_t length = v6 ? 16 : 4;
  const auto protocol = static_cast<nft::Register>(length / 4);
  const auto port = static_cast<nft::Register>(protocol + 1);
  const std::string name = v6 ? "names6" : "names4";
  nft::Set set;
  set.name = name;
  set.fields = {v6 ? nft::Field::ipv6_addr : nft::Field::ipv4_addr, nft::Field::inet_proto, nft::Field::inet_service};
  set.interval = true;
  set.timeout = true;
  table.sets.push_back(std::move(set));
  accept(chain, {nft::LoadMeta{nft::MetaKey::nfproto, 0}, equal({static_cast<std::uint8_t>(v6 ? 10 : 2)}),
                 nft::LoadPayload{nft::PayloadBase::network, v6 ? 24U : 16U, length, 0},
                 nft::LoadMeta{nft::MetaKey::l4proto, protocol},
                 nft::LoadPayload{nft::PayloadBase::transport, 2, 2, port}, nft::Lookup{name, 0}});
}

nft::Rule redirect(std::uint8_t protocol, std::uint16_t port) {
  return {{nft::LoadMeta{nft::MetaKey::mark, 0}, nft::Compare{nft::CompareOp::not_equal, 0, host_order(kMark)},
           nft::LoadMeta{nft::MetaKey::l4proto, 0}, equal({protocol}),
           nft::LoadPayload{nft::PayloadBase::transport, 2, 2, 0}, equal({0, 53}), nft::RedirectTo{port}},
          ""};
}

// Denies everything but loopback, connections that exist, neighbour discovery, the follower's own packets, what is
// redirected to it, and the name sets.
nft::Table make_table(std::uint16_t port) {
  nft::Table table;
  table.name = kTable;
  nft::Chain output;
  output.name = "output";
  accept(output, {nft::LoadMeta{nft::MetaKey::oif, 0}, equal(host_order(std::uint32_t{1}))});
  accept(output, {nft::LoadCtState{0}, nft::Mask{0, host_order(std::uint32_t{2})},
                  nft::Compare{nft::CompareOp::not_equal, 0, host_order(std::uint32_t{0})}});
  for (const std::uint8_t type : {133, 135, 136}) {
    accept(output, {nft::LoadMeta{nft::MetaKey::l4proto, 0}, equal({IPPROTO_ICMPV6}),
                    nft::LoadPayload{nft::PayloadBase::transport, 0, 1, 0}, equal({type})});
  }
  accept(output, {nft::LoadMeta{nft::MetaKey::mark, 0}, equal(host_order(kMark)),
                  nft::LoadPayload{nft::PayloadBase::transport, 2, 2, 0}, equal({0, 53})});
  accept(output, {nft::LoadMeta{nft::MetaKey::nfproto, 0}, equal({2}),
                  nft::LoadPayload{nft::PayloadBase::network, 16, 4, 0}, equal({127, 0, 0, 1})});
  accept(output,
         {nft::LoadMeta{nft::MetaKey::nfproto, 0}, equal({10}), nft::LoadPayload{nft::PayloadBase::network, 24, 16, 0},
          equal({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})});
  accept_set(table, output, false);
  accept_set(table, output, true);
  nft::Chain dns{"dns", nft::ChainType::nat, -100, nft::Verdict::accept, {}};
  dns.rules = {redirect(IPPROTO_UDP, port), redirect(IPPROTO_TCP, port)};
  table.chains = {std::move(output), std::move(dns)};
  return table;
}

// ---- what the launch would do ---------------------------------------------------------------------------------------

struct Places {
  UniqueFd user;  // empty for "-"
  UniqueFd network;
};

Result<Places> open_places(const std::string& user, const std::string& network) {
  Places places;
  if (user != "-") {
    TRY_ASSIGN(places.user, sys::open_namespace(user, *sys::find_namespace_kind("user")));
  }
  TRY_ASSIGN(places.network, sys::open_namespace(network, *sys::find_namespace_kind("network")));
  return places;
}

Status enter(const Places& places) {
  if (places.user) {
    TRY(sys::join_namespace(places.user.get(), *sys::find_namespace_kind("user")));
  }
  return sys::join_namespace(places.network.get(), *sys::find_namespace_kind("network"));
}

// In the namespaces: sockets and the table; their descriptors are what `channel` gets, in the order of `start`.
Status prepare_inside(const Places& places, int channel) {
  TRY(enter(places));
  TRY_ASSIGN(auto sockets, follower::listen_for_questions(0));
  TRY_ASSIGN(auto netlink, sys::open_nftables());
  TRY_ASSIGN(const auto batch, sys::encode_table(make_table(sockets.port)));
  TRY(sys::send_batch(netlink.get(), batch));
  const int fds[] = {sockets.udp4.get(), sockets.tcp4.get(), sockets.udp6.get(), sockets.tcp6.get(), netlink.get()};
  return sys::send_message(channel, std::to_string(sockets.port), fds);
}

int complain(const Error& error) {
  std::fprintf(stderr, "%s\n", error.text.c_str());
  return 1;
}

Result<follower::FollowerDescriptors> prepare(const Places& places) {
  TRY_ASSIGN(auto channel, sys::socket_pair());
  TRY_ASSIGN(const auto cloned, sys::clone3({}));
  if (cloned.pid == 0) {
    const Status done = prepare_inside(places, channel.second.get());
    ::_exit(done ? 0 : complain(done.error()));
  }
  channel.second.reset();
  TRY_ASSIGN(auto message, sys::receive_message(channel.first.get()));
  if (message.fds.size() != 5) {
    return fail(ErrorCode::internal, "no descriptors from inside");
  }
  follower::FollowerDescriptors result;
  result.questions = {std::move(message.fds[0]), std::move(message.fds[1]), std::move(message.fds[2]),
                      std::move(message.fds[3]), static_cast<std::uint16_t>(std::stoi(message.bytes))};
  result.netlink = std::move(message.fds[4]);
  return result;
}

follower::AllowedName parse_name(std::string text) {
  follower::AllowedName name;
  name.udp = false;
  if (text.ends_with('!')) {
    name.private_addresses = true;
    text.pop_back();
  }
  const Words parts = split(text, ':');
  name.name = parts[0];
  for (const std::string& range : parts.size() > 1 ? split(parts[1], ',') : Words{}) {
    const Words ends = split(range, '-');
    name.ports.push_back(
        {static_cast<std::uint16_t>(std::stoi(ends.front())), static_cast<std::uint16_t>(std::stoi(ends.back()))});
  }
  return name;
}

Status start(const Words& words) {
  TRY_ASSIGN(Places places, open_places(words[2], words[3]));
  TRY_ASSIGN(auto descriptors, prepare(places));
  TRY_ASSIGN(descriptors.container, sys::pidfd_open(std::stoi(words[1])));
  TRY_ASSIGN(descriptors.log, open_at(AT_FDCWD, words[4], O_WRONLY | O_APPEND | O_CREAT, 0600));
  descriptors.user_namespace = std::move(places.user);
  descriptors.network_namespace = std::move(places.network);
  follower::FollowerConfig config;
  config.table = kTable;
  config.mark = kMark;
  for (const std::string& resolver : split(words[5], ',')) {
    config.resolvers.push_back(follower::parse_address(resolver).value_or(Address{}));
  }
  for (std::size_t i = 6; i < words.size(); ++i) {
    config.names.push_back(parse_name(words[i]));
  }
  const std::uint16_t port = descriptors.questions.port;
  TRY_ASSIGN(const pid_t pid, follower::start_follower(config, std::move(descriptors)));
  std::printf("%d %u\n", pid, port);
  return {};
}

void print_element(const std::string& set, const sys::NftReading::Element& one) {
  const nft::Bytes& first = one.element.first;
  const nft::Bytes& last = one.element.last.empty() ? first : one.element.last;
  Address address;
  address.v6 = first.size() > 12;
  const std::size_t length = address.v6 ? 16 : 4;
  std::copy_n(first.begin(), length, address.bytes.begin());
  const auto port = [&](const nft::Bytes& key) { return key[length + 4] << 8 | key[length + 5]; };
  std::printf("%s %s %d-%d %d-%d %llu\n", set.c_str(), to_string(address).c_str(), first[length], last[length],
              port(first), port(last), static_cast<unsigned long long>(one.expires_ms));
}

Status list(const Words& words) {
  TRY_ASSIGN(const Places places, open_places(words[1], words[2]));
  TRY(enter(places));
  TRY_ASSIGN(const auto netlink, sys::open_nftables());
  TRY_ASSIGN(const auto reading, sys::read_table(netlink.get(), kTable));
  for (const char* set : {"names4", "names6"}) {
    if (const auto* found = reading.find_set(set)) {
      for (const auto& element : found->elements) {
        print_element(set, element);
      }
    }
  }
  return {};
}

Status drop(const Words& words) {
  TRY_ASSIGN(const Places places, open_places(words[1], words[2]));
  TRY(enter(places));
  TRY_ASSIGN(const auto netlink, sys::open_nftables());
  return sys::send_batch(netlink.get(), sys::encode_removal(kTable));
}

Status run(const Words& words) {
  if (words.size() >= 7 && words[0] == "start") {
    return start(words);
  }
  if (words.size() == 3 && words[0] == "list") {
    return list(words);
  }
  if (words.size() == 3 && words[0] == "drop") {
    return drop(words);
  }
  return fail(ErrorCode::usage, "see the top of follower_runner.cpp");
}

}  // namespace

int main(int argc, char** argv) {
  const Status done = run({argv + 1, argv + argc});
  return done ? 0 : complain(done.error());
}
