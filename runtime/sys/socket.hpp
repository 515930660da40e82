// Unix sockets: messages with descriptors, and paths of any length.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

// SOCK_SEQPACKET, close-on-exec: one send is one receive.
[[nodiscard]] Result<std::pair<UniqueFd, UniqueFd>> socket_pair();

// One message with up to 64 descriptors in one SCM_RIGHTS item of exact length. `bytes` must not be empty when
// descriptors go along. No SIGPIPE: EPIPE.
[[nodiscard]] Status send_message(int socket, std::string_view bytes, std::span<const int> fds = {});

struct Message {
  std::string bytes;  // empty: the other side is closed
  std::vector<UniqueFd> fds;
};
// Longer messages than `limit`, or more descriptors than 64, are an error (EMSGSIZE), not cut off.
[[nodiscard]] Result<Message> receive_message(int socket, std::size_t limit = 64 * 1024);

enum class SocketType { stream, seqpacket };
// Binds `name` in directory `dir`; reached through /proc/self/fd so that the 107-byte limit of sun_path does not
// matter. The socket gets `mode`. EADDRINUSE: the name exists.
[[nodiscard]] Result<UniqueFd> listen_at(int dir, const std::string& name, SocketType type, unsigned mode = 0600);
[[nodiscard]] Result<UniqueFd> connect_at(int dir, const std::string& name, SocketType type);
// A whole path, relative ones from the working directory.
[[nodiscard]] Result<UniqueFd> connect_to(const std::string& path, SocketType type);
[[nodiscard]] Result<UniqueFd> accept_connection(int listener);

}  // namespace nucleus::sys
