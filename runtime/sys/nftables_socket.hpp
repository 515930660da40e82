// The transport below nftables.hpp.
#pragma once

#include <functional>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/sys/nftables_message.hpp"

namespace nucleus::sys {

// "nftables: what: ..." for an errno of the kernel, without the words engines turn into exit codes.
[[nodiscard]] tl::unexpected<Error> nftables_error(const std::string& what, int err);

// Sends one request (a whole message, sequence number `sequence`) and hands every answer to `visit` until the last: the
// single one of a plain request, or those up to NLMSG_DONE of a dump. EAGAIN: tables changed during a dump.
[[nodiscard]] Status ask(int socket, const std::string& request, std::uint32_t sequence, const std::string& what,
                         const std::function<Status(const MessageView&)>& visit);

}  // namespace nucleus::sys
