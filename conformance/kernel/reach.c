// reach PROTOCOL/ADDRESS/PORT...: tries all at once for two seconds and says "open" or "closed" for each. tcp: connects;
// udp: sends a datagram and waits for an answer; icmp: an echo over a ping socket; raw: an IP packet of protocol 253;
// sctp: connects; forged: as udp, after a packet over loopback that claims to come from there (IP_FREEBIND); wire: sends to
// the address through eth0, after a packet there over loopback.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, SECONDS = 2 };

struct target {
  const char *text;
  char protocol[8];
  int fd;
  int open;
};

static int parse(const char *text, char *protocol, char *address, unsigned *port) {
  return sscanf(text, "%7[a-z]/%63[^/]/%u", protocol, address, port) == 3 ? 0 : -1;
}

static socklen_t fill(struct sockaddr_storage *to, const char *address, unsigned port) {
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
  struct sockaddr_in *four = (struct sockaddr_in *)to;
  memset(to, 0, sizeof *to);
  if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((unsigned short)port);
    return sizeof *six;
  }
  if (inet_pton(AF_INET, address, &four->sin_addr) != 1) exit(2);
  four->sin_family = AF_INET;
  four->sin_port = htons((unsigned short)port);
  return sizeof *four;
}

static int open_socket(const char *protocol, int family) {
  if (!strcmp(protocol, "tcp")) return socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (!strcmp(protocol, "udp")) return socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (!strcmp(protocol, "sctp")) return socket(family, SOCK_STREAM | SOCK_NONBLOCK, 132);
  if (!strcmp(protocol, "raw")) return socket(family, SOCK_RAW | SOCK_NONBLOCK, 253);
  return socket(family, SOCK_DGRAM | SOCK_NONBLOCK, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static const char *own_address(int family) { return family == AF_INET ? "10.42.0.2" : "fd42::2"; }

// A socket of the container's own address, known to connection tracking as the one that X spoke to.
static int open_forged(const struct sockaddr_storage *to, socklen_t length) {
  const int on = 1;
  const int family = to->ss_family;
  const int claimed = socket(family, SOCK_DGRAM, 0);
  const int own = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  struct sockaddr_storage here;
  const socklen_t size = fill(&here, own_address(family), 40000);
  setsockopt(claimed, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, family == AF_INET ? 15 : 78, &on, sizeof on);
  if (bind(claimed, (const struct sockaddr *)to, length) || bind(own, (struct sockaddr *)&here, size)) return -1;
  (void)!sendto(claimed, "forged", 6, 0, (struct sockaddr *)&here, size);
  usleep(50000);
  close(claimed);
  char data[16];
  while (recv(own, data, sizeof data, 0) > 0) {
  }
  return own;
}

static int open_wired(const struct sockaddr_storage *to, socklen_t length) {
  struct sockaddr_storage here;
  const socklen_t size = fill(&here, own_address(to->ss_family), 40001);
  const int own = socket(to->ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (bind(own, (struct sockaddr *)&here, size)) return -1;
  (void)!sendto(own, "over lo", 7, 0, (const struct sockaddr *)to, length);
  if (setsockopt(own, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5)) return -1;
  return own;
}

static void begin(struct target *target) {
  struct sockaddr_storage to;
  char address[64];
  unsigned port;
  if (parse(target->text, target->protocol, address, &port)) exit(2);
  const socklen_t length = fill(&to, address, port);
  target->fd = !strcmp(target->protocol, "forged") ? open_forged(&to, length)
               : !strcmp(target->protocol, "wire") ? open_wired(&to, length)
                                                   : open_socket(target->protocol, to.ss_family);
  if (target->fd < 0) return;
  const int connected = connect(target->fd, (struct sockaddr *)&to, length);
  if (!strcmp(target->protocol, "tcp") || !strcmp(target->protocol, "sctp")) {
    target->open = connected == 0;
    if (connected && errno != EINPROGRESS) {  // no route: an unconnected socket would poll as writable
      close(target->fd);
      target->fd = -1;
    }
    return;
  }
  const unsigned char echo[16] = {to.ss_family == AF_INET ? 8 : 128};
  (void)!send(target->fd, echo, sizeof echo, 0);
}

static void look(struct target *target, short events) {
  char data[512];
  int error = 0;
  socklen_t size = sizeof error;
  if (!strcmp(target->protocol, "tcp") || !strcmp(target->protocol, "sctp")) {
    if (events & POLLOUT && !getsockopt(target->fd, SOL_SOCKET, SO_ERROR, &error, &size) && error == 0 &&
        !(events & POLLERR)) {
      target->open = 1;
    }
  } else if (recv(target->fd, data, sizeof data, 0) > 0) {
    target->open = 1;
  }
  if (events & (POLLERR | POLLHUP) || target->open) {
    close(target->fd);
    target->fd = -1;
  }
}

int main(int argc, char **argv) {
  struct target targets[MOST] = {0};
  const int count = argc - 1 < MOST ? argc - 1 : MOST;
  for (int i = 0; i < count; ++i) {
    targets[i].text = argv[i + 1];
    begin(&targets[i]);
  }
  const time_t end = time(NULL) + SECONDS;
  while (time(NULL) <= end) {
    struct pollfd wait[MOST];
    for (int i = 0; i < count; ++i) {
      const int stream = !strcmp(targets[i].protocol, "tcp") || !strcmp(targets[i].protocol, "sctp");
      wait[i] = (struct pollfd){targets[i].open ? -1 : targets[i].fd, stream ? POLLOUT : POLLIN, 0};
    }
    if (poll(wait, (nfds_t)count, 100) <= 0) continue;
    for (int i = 0; i < count; ++i) {
      if (wait[i].revents) look(&targets[i], wait[i].revents);
    }
  }
  for (int i = 0; i < count; ++i) printf("%s %s\n", targets[i].text, targets[i].open ? "open" : "closed");
  return 0;
}
