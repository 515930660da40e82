#include "runtime/follower/follower.hpp"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "runtime/base/io.hpp"
#include "runtime/follower/confine.hpp"
#include "runtime/follower/loop.hpp"
#include "runtime/follower/ready.hpp"
#include "runtime/sys/credentials.hpp"
#include "runtime/sys/namespaces.hpp"

namespace nucleus::follower {
namespace {

constexpr std::size_t kTableNameLimit = 255;
constexpr std::size_t kResolverLimit = 16;  // each has two sockets

std::vector<int> all_of(const FollowerDescriptors& descriptors, int ready) {
  const ListeningSockets& questions = descriptors.questions;
  std::vector<int> fds = {ready};
  for (const UniqueFd* one :
       {&questions.udp4, &questions.tcp4, &questions.udp6, &questions.tcp6, &descriptors.netlink,
        &descriptors.container, &descriptors.log, &descriptors.user_namespace, &descriptors.network_namespace}) {
    fds.push_back(one->get());
  }
  std::erase_if(fds, [](int fd) { return fd < 0; });
  return fds;
}

Status join(UniqueFd& fd, std::string_view kind) {
  if (fd) {
    TRY_WITH(sys::join_namespace(fd.get(), *sys::find_namespace_kind(kind)), std::string(kind) + " namespace");
    fd.reset();
  }
  return {};
}

Status check_descriptors(const FollowerDescriptors& descriptors) {
  if (!descriptors.questions.udp4 || !descriptors.questions.tcp4 || !descriptors.netlink || !descriptors.container) {
    return fail(ErrorCode::internal, "a descriptor is missing");
  }
  return {};
}

// Everything up to the first question. c-ares reads its randomness before files are out of reach.
Result<Resolver> prepare(const FollowerConfig& config, FollowerDescriptors& descriptors, int ready) {
  TRY(check_descriptors(descriptors));
  TRY(check_config(config));
  TRY(detach(all_of(descriptors, ready)));
  if (descriptors.user_namespace) {
    TRY(sys::drop_supplementary_groups());
  }
  TRY(join(descriptors.user_namespace, "user"));
  TRY(join(descriptors.network_namespace, "network"));
  TRY_ASSIGN(Resolver resolver, Resolver::make(config.resolvers, config.mark));
  TRY(confine());
  return resolver;
}

}  // namespace

Status check_config(const FollowerConfig& config) {
  if (config.table.empty() || config.table.size() > kTableNameLimit) {
    return fail(ErrorCode::internal, "no name of a table");
  }
  if (config.names.empty() || config.resolvers.empty()) {
    return fail(ErrorCode::invalid_config, "names need a resolver, and a resolver names");
  }
  if (config.resolvers.size() > kResolverLimit) {
    return fail(ErrorCode::invalid_config, "more than " + std::to_string(kResolverLimit) + " resolvers");
  }
  for (const Address& resolver : config.resolvers) {
    if (!can_be_resolver(resolver)) {
      return fail(ErrorCode::invalid_config, "cannot be asked as a resolver: " + to_string(resolver));
    }
  }
  TRY_ASSIGN(const auto names, AllowedNames::make(config.names));
  return {};
}

void run_follower(const FollowerConfig& config, FollowerDescriptors descriptors, int ready) {
  auto resolver = prepare(config, descriptors, ready);
  if (!resolver) {
    report_ready(ready, resolver.error().text);
    ::_exit(1);
  }
  auto names = AllowedNames::make(config.names);
  if (!names) {
    ::_exit(1);  // check_config() has seen them
  }
  EventLog log(descriptors.log.get());
  log.write({"start", "", std::to_string(config.names.size()) + " entries"});
  Loop loop(config, descriptors, std::move(*names), std::move(*resolver));
  report_ready(ready, {});
  const Status ended = loop.run();
  EventLog(descriptors.log.get()).write({"end", "", ended ? "the container has ended" : ended.error().text});
  ::_exit(ended ? 0 : 1);
}

}  // namespace nucleus::follower
