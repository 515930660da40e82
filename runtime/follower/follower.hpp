// The DNS follower: one small process for a container whose egress policy has names. It stands in the container's network
// namespace in the place of the resolver: it answers what the policy allows and nothing else, and what an answer leads to
// is in the table's name sets before the answer is out.
//
//  - A name that no entry allows gets REFUSED (NXDOMAIN where an allowed name was asked for with a search domain behind
//    it, so that resolver libraries go on to the name itself). Nothing of it is sent upstream: no tunnel.
//  - An allowed name is looked up for A and AAAA together; other types get an empty answer, because they could carry data
//    and hints (HTTPS, SVCB, TXT). CNAMEs are followed and not shown.
//  - Loopback, link-local and the like are never opened, private addresses only where the entry says so: address.hpp.
//  - An element lives as long as the answer's TTL (at most an hour) and two seconds; names asked for in the last hour are
//    asked again before that, so that clients which never ask again keep their destination. Connections that exist go on
//    by connection tracking.
//  - An element that cannot be added: SERVFAIL. The process dies: nobody answers and the sets empty themselves.
//
// The process holds CAP_NET_ADMIN (set elements, SO_MARK) and no other capability, has no_new_privs, no file system
// (Landlock), an allow-list of system calls, no core dumps, and no other descriptors than those it is given. It ends with
// status 0 when the container's pidfd says that the container has ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/follower/address.hpp"

namespace nucleus::follower {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 65535;
  bool operator==(const PortRange&) const = default;
};

// An entry of the policy that is a name. Entries add up: a name may match several.
struct AllowedName {
  std::string name;              // ASCII; exact, or "*.suffix": any name below it, not itself
  std::vector<PortRange> ports;  // empty: every protocol and port; then `tcp` and `udp` do not matter
  bool tcp = true;
  bool udp = true;
  bool private_addresses = false;  // may lead to private addresses
  bool operator==(const AllowedName&) const = default;
};

struct FollowerConfig {
  std::string table;            // of family inet
  std::string set4 = "names4";  // ipv4_addr . inet_proto . inet_service, intervals, timeouts
  std::string set6 = "names6";  // ipv6_addr . inet_proto . inet_service, intervals, timeouts
  std::uint32_t mark = 0;       // SO_MARK of the questions sent upstream
  std::vector<AllowedName> names;
  std::vector<Address> resolvers;  // 1 to 16, tried in this order; never loopback: the workload could answer
};

// Sockets that a container's questions arrive at. Non-blocking, close-on-exec. IPv6 ones are empty where the namespace
// has no ::1.
struct ListeningSockets {
  UniqueFd udp4, tcp4;  // 127.0.0.1
  UniqueFd udp6, tcp6;  // ::1
  std::uint16_t port = 0;
};
// In the network namespace that the caller is in; loopback must be up. Port 0: one that is free for all of them.
[[nodiscard]] Result<ListeningSockets> listen_for_questions(std::uint16_t port);

struct FollowerDescriptors {
  ListeningSockets questions;
  UniqueFd netlink;            // sys::open_nftables() in the container's network namespace
  UniqueFd container;          // pidfd of the container's init
  UniqueFd log;                // regular file opened O_APPEND: one JSON object a line, 256 KiB at most; may be empty
  UniqueFd user_namespace;     // the one that owns the network namespace, to be joined first; empty: stay in one's own
  UniqueFd network_namespace;  // joined then; empty: the caller is in it already
};

// What is wrong with a configuration: names, ports, no resolvers, a resolver that cannot be one.
[[nodiscard]] Status check_config(const FollowerConfig& config);

// The calling process becomes the follower: confines itself, writes one byte to `ready` (if not -1) and closes it, serves,
// and ends with _exit(2). When something fails before, an error text goes to `ready` instead. Must be single-threaded.
[[noreturn]] void run_follower(const FollowerConfig& config, FollowerDescriptors descriptors, int ready);

// Starts a follower and returns its pid when it has confined itself and listens. It is nobody's child here (forked twice),
// has its own session, stdio on /dev/null, and stays in the caller's cgroup and pid namespace. Its copies of
// `descriptors` are its own. Any failure is an error, and then no follower runs. Must be single-threaded.
[[nodiscard]] Result<pid_t> start_follower(const FollowerConfig& config, FollowerDescriptors descriptors);

}  // namespace nucleus::follower
