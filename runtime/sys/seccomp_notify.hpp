// System calls reported to a process outside, seccomp_unotify(2).
#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

// As install_seccomp(), with a listener. A process whose call was received is then woken by fatal signals alone, where the
// kernel can do so (Linux 5.19).
[[nodiscard]] Result<UniqueFd> install_notifying(std::span<const std::uint64_t> code, unsigned flags);

// Every system call of the calling thread from here on is reported, but for one sendmsg(2): the one that carries the
// listener, with `message`, over `socket`. It is known by its descriptor, the address of its argument and 32 random
// bits that the program cannot know. Whoever receives the listener has to answer.
[[nodiscard]] Status report_every_call(int socket, std::string_view message);

// The other side. `into` is zeroed first; nullopt when the call is over before it could be received.
[[nodiscard]] Result<std::optional<std::uint64_t>> receive_call(int listener, seccomp_notif& into);
// The call goes on. A call that is over meanwhile is no error, here and below.
[[nodiscard]] Status let_call_go_on(int listener, std::uint64_t id);
[[nodiscard]] Status fail_call(int listener, std::uint64_t id, int sys_errno);

// Wakes the other side on this CPU (Linux 6.6); without it, or where that cannot be had, calls only take longer.
void wake_in_step(int listener);

}  // namespace nucleus::sys
