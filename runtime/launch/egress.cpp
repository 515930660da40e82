#include "runtime/launch/egress.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/launch/fault.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/sys/netns_socket.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/sys/procfs.hpp"

namespace nucleus::launch {
namespace {

const sys::NamespaceKind& network_kind() { return *sys::find_namespace_kind("network"); }

// Every table of a namespace judges every packet in it, so what one allows another would silently deny.
Status refuse_contradiction(int socket, const std::string& own, bool names) {
  TRY_ASSIGN(const auto tables, sys::list_tables(socket));
  const std::string other = hardening::contradicting_table(own, tables, names);
  if (other.empty()) {
    return {};
  }
  return fail(ErrorCode::policy,
              "the network namespace is shared with a container of another egress policy" +
                  std::string(names ? ", or of one with names, which one container of a pod can have" : "") +
                  " (nftables table " + other + "): give all containers of a pod the same one");
}

// What follows a successful transaction. Nothing is left of it on error.
Status compose(const plan::EgressPlan& plan, int socket) {
  const auto judged = [&]() -> Status {
    TRY(egress_fault(EgressStep::batch_sent));
    if (plan.shared) {
      TRY(refuse_contradiction(socket, plan.table.name, plan.record.policy.has_names()));
    }
    return egress_fault(EgressStep::composed);
  };
  Status outcome = judged();
  if (!outcome) {
    take_back_egress(plan, socket);
  }
  return outcome;
}

std::optional<std::string> joined_path(const plan::LaunchPlan& plan) {
  const auto& join = plan.namespaces.join;
  const auto hit = std::ranges::find(join, "network", &plan::JoinNamespace::type);
  return hit == join.end() ? std::nullopt : std::optional(hit->path);
}

// The namespace that was joined, if the path still leads to it.
Result<UniqueFd> open_recorded(const state::EgressTable& table) {
  TRY_ASSIGN(UniqueFd fd, sys::open_namespace(table.path, network_kind()));
  TRY_ASSIGN(const auto id, sys::namespace_id(fd.get()));
  const sys::NamespaceId recorded{static_cast<dev_t>(table.device), static_cast<ino_t>(table.inode)};
  if (!(id == recorded)) {
    return fail(ErrorCode::not_found, table.path + " leads to another network namespace by now");
  }
  return fd;
}

Status remove_table(const state::EgressTable& table) {
  const auto network = open_recorded(table);
  if (!network) {
    return {};  // nobody can reach it by this path any more
  }
  TRY_ASSIGN(const auto socket, sys::open_nftables_in(network->get()));
  Status removed = sys::send_batch(socket.get(), sys::encode_removal(table.name));
  return !removed && removed.error().sys_errno == ENOENT ? Status{} : removed;
}

Result<hardening::EgressRecord> load_record(const Container& container) {
  TRY_ASSIGN(const std::string text, container.directory.read(kEgressFile));
  return hardening::parse_egress_record(text, kEgressFile);
}

Result<UniqueFd> network_of(const Container& container) {
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  return sys::open_namespace_of(proc, container.record.pid, network_kind());
}

socklen_t socket_address(const hardening::Endpoint& endpoint, sockaddr_storage& out) {
  if (endpoint.address.v6) {
    auto& six = reinterpret_cast<sockaddr_in6&>(out);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(endpoint.port);
    std::memcpy(&six.sin6_addr, endpoint.address.bytes.data(), sizeof six.sin6_addr);
    return sizeof six;
  }
  auto& four = reinterpret_cast<sockaddr_in&>(out);
  four.sin_family = AF_INET;
  four.sin_port = htons(endpoint.port);
  std::memcpy(&four.sin_addr, endpoint.address.bytes.data(), sizeof four.sin_addr);
  return sizeof four;
}

// 0, or the errno of a connection that did not come about.
int try_connect(int socket, const hardening::Endpoint& endpoint) {
  constexpr int kPatienceMs = 2000;
  sockaddr_storage address{};
  const socklen_t length = socket_address(endpoint, address);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), length) == 0) {
    return 0;
  }
  if (errno != EINPROGRESS) {
    return errno;
  }
  pollfd wait{socket, POLLOUT, 0};
  if (::poll(&wait, 1, kPatienceMs) != 1) {
    return ETIMEDOUT;
  }
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

DeniedDestination destination(const nft::Element& element, bool v6) {
  const std::size_t length = v6 ? 16 : 4;
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(v6 ? AF_INET6 : AF_INET, element.first.data(), text.data(), text.size());
  const auto& key = element.first;
  return {text.data(), key[length], static_cast<std::uint16_t>(key[length + 4] << 8U | key[length + 5])};
}

void add_denied(const sys::NftReading& reading, const char* name, bool v6, EgressTruth& out) {
  const auto* const set = reading.find_set(name);
  if (set == nullptr) {
    return;
  }
  for (const auto& [element, expires] : set->elements) {
    if (element.first.size() >= (v6 ? 24U : 12U)) {
      out.denied.push_back(destination(element, v6));
    }
  }
}

EgressTruth truth_of(const nft::Table& sent, const sys::NftReading& reading) {
  EgressTruth out;
  out.difference = sys::first_difference(sent, reading).value_or("");
  for (const auto& counter : reading.counters) {
    out.denied_packets += counter.packets;
    out.denied_bytes += counter.bytes;
  }
  add_denied(reading, "denied4", false, out);
  add_denied(reading, "denied6", true, out);
  return out;
}

}  // namespace

Result<UniqueFd> open_egress_socket(const sys::NamespaceId& runtime_network) {
  TRY_ASSIGN(const auto own, sys::own_namespace_id(network_kind()));
  if (own == runtime_network) {
    return fail(ErrorCode::internal, "this is the runtime's own network namespace");
  }
  TRY_ASSIGN(UniqueFd socket, sys::open_nftables());
  TRY(egress_fault(EgressStep::socket_open));
  return socket;
}

void take_back_egress(const plan::EgressPlan& plan, int socket) {
  (void)sys::send_batch(socket, sys::encode_removal(plan.table.name));
}

Result<UniqueFd> install_egress(const plan::EgressPlan& plan, const sys::NamespaceId& runtime_network) {
  TRY_ASSIGN(const auto batch, sys::encode_table(plan.table));
  TRY_ASSIGN(UniqueFd socket, open_egress_socket(runtime_network));
  TRY(sys::send_batch(socket.get(), batch));
  TRY(compose(plan, socket.get()));
  return socket;
}

Result<plan::EgressPlan> install_shared_egress(plan::EgressPlan plan, int socket,
                                               const std::optional<hardening::EgressCgroup>& cgroup,
                                               const std::function<Status(const std::string&)>& announce) {
  Status sent;
  for (const bool confined : {true, false}) {
    if (confined && !cgroup) {
      continue;
    }
    plan.record.cgroup = confined ? cgroup : std::nullopt;
    plan.table = hardening::compile_egress(plan.record);
    TRY(announce(plan.table.name));
    TRY_ASSIGN(const auto batch, sys::encode_table(plan.table));
    sent = sys::send_batch(socket, batch);
    if (sent) {
      TRY(compose(plan, socket));
      return plan;
    }
    if (sent.error().sys_errno == EEXIST) {
      break;
    }
  }
  return tl::unexpected<Error>(sent.error());
}

Result<hardening::EgressCgroup> egress_cgroup(int directory, pid_t pid) {
  struct stat status {};
  if (::fstat(directory, &status) != 0) {
    return fail_errno("the container's cgroup");
  }
  TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/cgroup", 1 << 20));
  const std::size_t at = text.starts_with("0::/") ? 3 : text.find("\n0::/") + 4;
  if (at < 3 || at >= text.size()) {
    return fail(ErrorCode::kernel, "the container's first process is in no cgroup");
  }
  const std::string_view path = std::string_view(text).substr(at, text.find('\n', at) - at);
  const auto level = path == "/" ? 0 : std::ranges::count(path, '/');
  return hardening::EgressCgroup{status.st_ino, static_cast<std::uint32_t>(level)};
}

Status install_egress_in(const plan::EgressPlan& plan, int network) {
  TRY_ASSIGN(const auto id, sys::namespace_id(network));
  TRY_ASSIGN(const auto own, sys::own_namespace_id(network_kind()));
  if (id == own) {
    return fail(ErrorCode::internal, "this is the runtime's own network namespace");
  }
  TRY_ASSIGN(const auto batch, sys::encode_table(plan.table));
  TRY_ASSIGN(const auto socket, sys::open_nftables_in(network));
  if (!plan.shared) {
    Status removed = sys::send_batch(socket.get(), sys::encode_removal(plan.table.name));
    if (!removed && removed.error().sys_errno != ENOENT) {
      return removed;
    }
  }
  TRY(sys::send_batch(socket.get(), batch));
  return compose(plan, socket.get());
}

Result<std::optional<state::EgressTable>> egress_reference(const plan::LaunchPlan& plan, int network) {
  const auto path = joined_path(plan);
  if (!plan.egress || !path) {
    return std::nullopt;
  }
  TRY_ASSIGN(const auto id, sys::namespace_id(network));
  return state::EgressTable{plan.egress->table.name, *path, id.device, id.inode};
}

void remove_egress(const state::Record& record) {
  if (!record.egress) {
    return;
  }
  if (Status removed = remove_table(*record.egress); !removed) {
    log_warning("egress rules in " + record.egress->path + ": " + removed.error().text);
  }
}

Status check_broker(const Container& container) {
  if (!container.directory.has(kEgressFile)) {
    return {};
  }
  TRY_ASSIGN(const auto record, load_record(container));
  if (!record.policy.broker) {
    return {};
  }
  const hardening::Endpoint& broker = *record.policy.broker;
  TRY_ASSIGN(const auto network, network_of(container));
  TRY_ASSIGN(const auto socket,
             sys::socket_in(network.get(), broker.address.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  const int error = try_connect(socket.get(), broker);
  return error == 0 ? Status{}
                    : fail_errno("egress: the broker " + hardening::to_string(broker.address) + " port " +
                                     std::to_string(broker.port) + " does not answer in the container's network",
                                 error);
}

Result<std::optional<EgressTruth>> read_egress(const Container& container) {
  if (!container.directory.has(kEgressFile)) {
    return std::nullopt;
  }
  TRY_ASSIGN(const auto record, load_record(container));
  TRY_ASSIGN(const auto network, network_of(container));
  TRY_ASSIGN(const auto socket, sys::open_nftables_in(network.get()));
  const nft::Table sent = hardening::compile_egress(record);
  const bool following = record.follower > 0 && sys::process_alive(record.follower, record.follower_start_time);
  const auto reading = sys::read_table(socket.get(), sent.name);
  if (!reading && (reading.error().sys_errno == ENOENT || reading.error().sys_errno == EBADMSG)) {
    EgressTruth gone;
    gone.difference = reading.error().text;
    return gone;
  }
  if (!reading) {
    return tl::unexpected<Error>(reading.error());
  }
  EgressTruth truth = truth_of(sent, *reading);
  truth.followed = record.policy.has_names();
  truth.following = following;
  return truth;
}

}  // namespace nucleus::launch
