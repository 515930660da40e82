#include "runtime/launch/egress_names.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <utility>

#include "hardening/egress_compile.hpp"
#include "runtime/follower/follower.hpp"
#include "runtime/launch/egress.hpp"
#include "runtime/launch/fault.hpp"
#include "runtime/launch/files.hpp"

namespace nucleus::launch {
namespace {

constexpr const char* kEgressLog = "egress.log";

Result<std::uint16_t> bound_port(int socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0 || address.sin_family != AF_INET) {
    return fail_errno("the follower's socket");
  }
  return ntohs(address.sin_port);
}

follower::AllowedName allowed_name(const hardening::EgressEntry& entry, bool private_addresses) {
  follower::AllowedName out;
  out.name = entry.name;
  for (const auto& range : entry.ports) {
    out.ports.push_back({range.first, range.last});
  }
  out.tcp = entry.tcp;
  out.udp = entry.udp;
  out.private_addresses = private_addresses;
  return out;
}

follower::FollowerConfig config_of(const hardening::EgressPolicy& policy, const std::string& table) {
  follower::FollowerConfig config;
  config.table = table;
  config.mark = hardening::kFollowerMark;
  for (const auto& entry : policy.allow) {
    if (!entry.name.empty()) {
      config.names.push_back(allowed_name(entry, policy.private_names));
    }
  }
  for (const auto& resolver : policy.resolvers) {
    config.resolvers.push_back({resolver.v6, resolver.bytes});
  }
  return config;
}

Result<UniqueFd> namespace_of(const sys::Child& container, const char* type) {
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  return sys::open_namespace_of(proc, container.pid(), *sys::find_namespace_kind(type));
}

Result<UniqueFd> open_log(const state::Directory& directory) {
  UniqueFd log(::openat(directory.fd(), kEgressLog, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  return log ? Result<UniqueFd>(std::move(log)) : fail_errno(kEgressLog);
}

Result<follower::FollowerDescriptors> descriptors_of(const plan::NamespacePlan& namespaces, const sys::Child& container,
                                                     EgressSockets sockets, std::uint16_t port,
                                                     const state::Directory& directory) {
  follower::FollowerDescriptors out;
  out.questions = {sockets.give(EgressSockets::udp4), sockets.give(EgressSockets::tcp4),
                   sockets.give(EgressSockets::udp6), sockets.give(EgressSockets::tcp6), port};
  out.netlink = sockets.give(EgressSockets::netlink);
  TRY_ASSIGN(out.container, sys::pidfd_open(container.pid()));
  TRY_ASSIGN(out.log, open_log(directory));
  TRY_ASSIGN(out.network_namespace, namespace_of(container, "network"));
  if (namespaces.creates("user")) {  // it owns the network namespace then, and holds less than the launcher's
    TRY_ASSIGN(out.user_namespace, namespace_of(container, "user"));
  }
  return out;
}

Status report_sockets(const InitContext& context, const follower::ListeningSockets& questions, int netlink) {
  const std::pair<EgressSockets::Index, int> sockets[] = {{EgressSockets::udp4, questions.udp4.get()},
                                                          {EgressSockets::tcp4, questions.tcp4.get()},
                                                          {EgressSockets::udp6, questions.udp6.get()},
                                                          {EgressSockets::tcp6, questions.tcp6.get()},
                                                          {EgressSockets::netlink, netlink}};
  for (const auto& [index, fd] : sockets) {
    if (fd >= 0) {
      TRY(context.channel.report(ReportKind::egress_socket, index, nullptr, fd));
    }
  }
  return egress_fault(EgressStep::sockets_reported);
}

}  // namespace

Status EgressSockets::take(std::size_t index, UniqueFd fd) {
  if (index >= count || !fd) {
    return fail(ErrorCode::internal, "an unexpected socket from the container's init");
  }
  fds_[index] = std::move(fd);
  return {};
}

Status install_followed_egress(const InitContext& context) {
  plan::EgressPlan plan = *context.plan.egress;
  TRY_ASSIGN(const auto questions, follower::listen_for_questions(0));
  TRY(egress_fault(EgressStep::listening));
  plan.record.dns_port = questions.port;
  plan.table = hardening::compile_egress(plan.record);
  TRY_ASSIGN(const UniqueFd netlink, install_egress(plan, context.runtime_network));
  Status reported = report_sockets(context, questions, netlink.get());
  if (!reported) {
    take_back_egress(plan, netlink.get());
  }
  return reported;
}

Status hand_over_egress(const InitContext& context) {
  follower::ListeningSockets questions;
  if (context.plan.egress->record.policy.has_names()) {
    TRY_ASSIGN(questions, follower::listen_for_questions(0));
    TRY(egress_fault(EgressStep::listening));
  }
  TRY_ASSIGN(const UniqueFd netlink, open_egress_socket(context.runtime_network));
  TRY(report_sockets(context, questions, netlink.get()));
  return context.channel.expect(Order::proceed);
}

Result<std::uint16_t> question_port(const EgressSockets& sockets) {
  const int socket = sockets.get(EgressSockets::udp4);
  return socket >= 0 ? bound_port(socket) : Result<std::uint16_t>(0);
}

void end_following(const state::Directory& directory) {
  const auto text = directory.read(kEgressFile);
  const auto record = text ? hardening::parse_egress_record(*text, kEgressFile)
                           : Result<hardening::EgressRecord>(tl::unexpected<Error>(text.error()));
  if (!record || record->follower <= 0) {
    return;
  }
  const auto handle = sys::pidfd_open(record->follower);
  const auto started = sys::process_start_time(record->follower);
  if (!handle || !started || *started != record->follower_start_time) {  // the number is another's by now
    return;
  }
  constexpr int kPatienceMs = 2000;
  (void)sys::pidfd_send_signal(handle->get(), SIGKILL);
  pollfd end{handle->get(), POLLIN, 0};
  (void)::poll(&end, 1, kPatienceMs);
}

Status start_following(const plan::EgressPlan& plan, const plan::NamespacePlan& namespaces, const sys::Child& container,
                       EgressSockets sockets, const state::Directory& directory) {
  hardening::EgressRecord record = plan.record;
  TRY_ASSIGN(record.dns_port, question_port(sockets));
  TRY_ASSIGN(auto descriptors, descriptors_of(namespaces, container, std::move(sockets), record.dns_port, directory));
  TRY_ASSIGN(record.follower,
             follower::start_follower(config_of(record.policy, plan.table.name), std::move(descriptors)));
  TRY_ASSIGN(record.follower_start_time, sys::process_start_time(record.follower));
  TRY(egress_fault(EgressStep::following));
  return directory.write(kEgressFile, hardening::to_json(record));
}

}  // namespace nucleus::launch
