#include "runtime/follower/resolver.hpp"

#include <ares.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "runtime/follower/dns_message.hpp"

// c-ares's own definition brings its getnameinfo and with that glibc's NSS into a static binary. Nothing here asks by text.
extern "C" int ares__is_onion_domain(const char* /*name*/) { return 0; }

namespace nucleus::follower {
namespace {

constexpr int kTimeoutMs = 1500;
constexpr int kTries = 2;

struct Request {
  WireName name;
  std::uint16_t type = 0;
  Resolver::Found found;
};

// ares_callback.
void on_reply(void* arg, int status, int /*timeouts*/, unsigned char* bytes, int length) {
  const std::unique_ptr<Request> request(static_cast<Request*>(arg));
  std::optional<Upstream> upstream;
  if (status == ARES_SUCCESS && bytes != nullptr && length > 0) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
    upstream = parse_answer(text, request->name, request->type);
  }
  request->found(std::move(upstream));
}

// ares_sock_config_callback: before the socket is bound or connected. A failure fails the question.
int on_new_socket(ares_socket_t fd, int /*type*/, void* data) {
  const auto mark = *static_cast<const std::uint32_t*>(data);
  return ::setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0 ? 0 : -1;
}

bool same_host(const sockaddr_storage& left, const sockaddr_storage& right) {
  if (left.ss_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in&>(left).sin_addr.s_addr ==
           reinterpret_cast<const sockaddr_in&>(right).sin_addr.s_addr;
  }
  return IN6_ARE_ADDR_EQUAL(&reinterpret_cast<const sockaddr_in6&>(left).sin6_addr,
                            &reinterpret_cast<const sockaddr_in6&>(right).sin6_addr);
}

// ares_sock_create_callback: after connect(2). A resolver whose address the container has itself would be the workload.
int on_connected_socket(ares_socket_t fd, int /*type*/, void* /*data*/) {
  sockaddr_storage own{};
  sockaddr_storage peer{};
  socklen_t own_length = sizeof own;
  socklen_t peer_length = sizeof peer;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_length) != 0 ||
      ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_length) != 0) {
    // TCP that is not connected yet has no peer; UDP came first and was looked at.
    return errno == ENOTCONN ? 0 : -1;
  }
  return same_host(own, peer) ? -1 : 0;
}

std::string ares_text(int status) { return std::string("c-ares: ") + ares_strerror(status); }

}  // namespace

struct Resolver::Channel {
  ares_channel ares = nullptr;
  std::uint32_t mark = 0;
  std::map<int, short> sockets;  // descriptor -> poll events

  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    if (ares != nullptr) {
      ares_destroy(ares);
    }
  }

  // ares_sock_state_cb.
  static void on_state(void* data, ares_socket_t fd, int readable, int writable) {
    auto& sockets = static_cast<Channel*>(data)->sockets;
    if (readable == 0 && writable == 0) {
      sockets.erase(fd);
    } else {
      sockets[fd] = static_cast<short>((readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0));
    }
  }

  // Everything that c-ares would look up elsewhere is given, so that it reads no file and no environment.
  int open() {
    char lookups[] = "b";
    char no_file[] = "/dev/null";
    in_addr nowhere{};  // replaced by use()
    ares_options options{};
    options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    options.timeout = kTimeoutMs;
    options.tries = kTries;
    options.ndots = 1;
    options.servers = &nowhere;
    options.nservers = 1;
    options.ndomains = 0;
    options.lookups = lookups;
    options.resolvconf_path = no_file;
    options.sock_state_cb = on_state;
    options.sock_state_cb_data = this;
    const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_SERVERS |
                     ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB |
                     ARES_OPT_NOROTATE;
    const int status = ares_init_options(&ares, &options, mask);
    if (status == ARES_SUCCESS) {
      ares_set_socket_configure_callback(ares, on_new_socket, &mark);
      ares_set_socket_callback(ares, on_connected_socket, nullptr);
    }
    return status;
  }

  int use(const std::vector<Address>& resolvers) const {
    std::vector<ares_addr_node> nodes(resolvers.size());
    for (std::size_t i = 0; i < resolvers.size(); ++i) {
      const Address& address = resolvers[i];
      nodes[i].next = i + 1 < resolvers.size() ? &nodes[i + 1] : nullptr;
      nodes[i].family = address.v6 ? AF_INET6 : AF_INET;
      auto* target = address.v6 ? reinterpret_cast<std::uint8_t*>(&nodes[i].addr.addr6)
                                : reinterpret_cast<std::uint8_t*>(&nodes[i].addr.addr4);
      std::copy_n(address.bytes.begin(), address.v6 ? 16 : 4, target);
    }
    return ares_set_servers(ares, nodes.data());
  }
};

Resolver::Resolver(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}
Resolver::Resolver(Resolver&&) noexcept = default;
Resolver& Resolver::operator=(Resolver&&) noexcept = default;
Resolver::~Resolver() = default;

Result<Resolver> Resolver::make(const std::vector<Address>& resolvers, std::uint32_t mark) {
  auto channel = std::make_unique<Channel>();
  channel->mark = mark;
  int status = ares_library_init(ARES_LIB_INIT_ALL);
  if (status == ARES_SUCCESS) {
    status = channel->open();
  }
  if (status == ARES_SUCCESS) {
    status = channel->use(resolvers);
  }
  if (status != ARES_SUCCESS) {
    return fail(ErrorCode::internal, ares_text(status));
  }
  return Resolver(std::move(channel));
}

void Resolver::ask(const WireName& name, std::uint16_t type, Found found) {
  std::uint16_t id = 0;
  if (::getrandom(&id, sizeof id, 0) != static_cast<ssize_t>(sizeof id)) {
    found(std::nullopt);
    return;
  }
  const std::string query = compose_query(id, name, type);
  auto request = std::make_unique<Request>(Request{name, type, std::move(found)});
  ares_send(channel_->ares, reinterpret_cast<const unsigned char*>(query.data()), static_cast<int>(query.size()),
            on_reply, request.release());
}

void Resolver::add_sockets(std::vector<pollfd>& polled) const {
  for (const auto& [fd, events] : channel_->sockets) {
    polled.push_back({fd, events, 0});
  }
}

void Resolver::process(std::span<const pollfd> polled) {
  for (const pollfd& one : polled) {
    // An earlier one may have closed it.
    if (one.revents != 0 && channel_->sockets.contains(one.fd)) {
      const bool failed = (one.revents & (POLLERR | POLLHUP)) != 0;
      ares_process_fd(channel_->ares, failed || (one.revents & POLLIN) != 0 ? one.fd : ARES_SOCKET_BAD,
                      failed || (one.revents & POLLOUT) != 0 ? one.fd : ARES_SOCKET_BAD);
    }
  }
  ares_process_fd(channel_->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

int Resolver::timeout() const {
  timeval left{};
  if (ares_timeout(channel_->ares, nullptr, &left) == nullptr) {
    return -1;
  }
  return static_cast<int>(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}

}  // namespace nucleus::follower
