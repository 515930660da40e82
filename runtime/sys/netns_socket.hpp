// Sockets in other network namespaces: a socket stays where it was made, whoever holds it.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

// socket(2) in the network namespace `netns_fd`, which a child enters; the caller, who must be single-threaded, stays where
// it is. Where only the owner of the network namespace's user namespace may enter, the child joins that first. Close-on-exec.
[[nodiscard]] Result<UniqueFd> socket_in(int netns_fd, int domain, int type, int protocol);

}  // namespace nucleus::sys
