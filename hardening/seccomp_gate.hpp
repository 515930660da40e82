// A compiled profile with its errors taken back for a process outside to decide: the learning gate and the denials that
// people can see. Pure.
//
// What stays closed whatever the gate does is the floor: calls that make or enter namespaces, mount, load code into the
// kernel, look into or write other processes, keys, bpf, io_uring, userfaultfd, raw handles and the like; TIOCSTI, TIOCLINUX,
// TIOCSETD and TIOCCONS; sockets but of AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK; numbers that this version does not know,
// which are those of the x32 ABI too. So does what kills or traps.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <span>
#include <vector>

#include "hardening/seccomp_argset.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

enum class Gate : std::uint8_t {
  notify,  // an error above the floor becomes SECCOMP_RET_USER_NOTIF
  open,    // it becomes SECCOMP_RET_ALLOW: under a filter that notifies of everything
};

// `code` as compile_native() makes it. The result decides as `code` does, but for errors above the floor.
[[nodiscard]] Result<std::vector<sock_filter>> gate(std::span<const sock_filter> code, Gate kind);

// Whether the gate leaves this call alone. x86_64.
[[nodiscard]] bool on_floor(int nr, std::span<const std::uint64_t, kSyscallArgs> args);

}  // namespace nucleus::hardening
