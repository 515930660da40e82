// Device rules of a cgroup: as lines for the v1 devices controller and as a BPF program for v2
// (BPF_PROG_TYPE_CGROUP_DEVICE, include/uapi/linux/bpf.h).
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

// linux.resources.devices[]: later rules win over earlier ones; what no rule matches is denied.
struct DeviceRule {
  bool allow = false;
  char type = 'a';                     // 'a', 'b', 'c'
  std::optional<std::uint32_t> major;  // none: every number
  std::optional<std::uint32_t> minor;
  std::string access = "rwm";  // non-empty subset of r, w, m
  bool operator==(const DeviceRule&) const = default;
};

// "c 1:3 rwm", "a *:* rwm".
[[nodiscard]] std::string format_device_rule(const DeviceRule& rule);

// The program looks at the rules from the last to the first, bit by bit: an access is allowed when each of its r, w, m
// bits is granted by a rule that no later rule denies. (A deny rule for one bit thus also stops a request for that bit
// together with others.) What is left after the first rule is denied.
[[nodiscard]] std::vector<bpf_insn> device_program(std::span<const DeviceRule> rules);

// Loads and attaches the program to a v2 cgroup directory and detaches the device programs that were there before, in
// this order, so that no moment is without rules (BPF_F_ALLOW_MULTI: programs of ancestors bind as well).
[[nodiscard]] Status attach_device_program(int cgroup_dir, std::span<const bpf_insn> program);

}  // namespace nucleus::sys
