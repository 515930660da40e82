// The kernel's classic BPF machine for seccomp, to check in tests what a compiled filter decides.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <span>

namespace nucleus::hardening {

// What `code` returns (SECCOMP_RET_*) for `data`; nullopt for a program the kernel would not accept: an instruction
// that seccomp forbids, a jump or a load out of bounds, no return (kernel/seccomp.c seccomp_check_filter).
[[nodiscard]] std::optional<std::uint32_t> evaluate(std::span<const sock_filter> code, const seccomp_data& data);

}  // namespace nucleus::hardening
