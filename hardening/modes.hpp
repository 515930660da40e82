// The modes and what each control does in them: the one table that code, documentation, tests and specs share
// (semantics.md "Modes").
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace nucleus::hardening {

enum class Mode : std::uint8_t {
  passthrough,  // a plain OCI runtime: nothing is rewritten; command line or host configuration only
  agent,        // the default
  strict_agent,
  production,
};

// What can go wrong or be asked for, one row of the table each.
enum class Control : std::uint8_t {
  confinement,         // capabilities, no_new_privs, namespaces cannot be applied
  seccomp_install,     // the filter cannot be installed
  landlock,            // Landlock missing, or older than the policy's min_abi
  egress,              // egress policy cannot be installed
  beyond_policy,       // a request beyond every engine's defaults that the policy does not grant (law 1)
  host_namespace,      // host network, pid or ipc without a grant
  unpinned_policy,     // an external policy without a matching pin
  annotation_grant,    // an annotation that grants something
  rootfs_attestation,  // the rootfs is not attested
  memory_limit,        // no memory limit is set
  cgroup_limits,       // a cgroup limit cannot be applied
  rlimit_raise,        // an rlimit (or oom score) that cannot be raised to what was asked
  mount_state,         // masked or read-only path or mount flags wrong after set-up
  receipt_mismatch,    // the kernel's read-back differs from the plan
  user_namespace,      // no user namespace separates the container's ids
};
inline constexpr std::size_t kControlCount = 15;

// off: not a failure in this mode. warn: said on stderr and in the report. fail: nothing runs.
enum class Reaction : std::uint8_t { off, warn, fail };

struct ControlRow {
  Control control;
  std::string_view name;
  std::array<Reaction, 4> by_mode;  // indexed by Mode
};

// clang-format off
inline constexpr auto kControlTable = [] {
  using enum Reaction;  // only here: nucleus::fail() must stay visible elsewhere
  return std::array<ControlRow, kControlCount>{{
      // control                     name                  passthrough agent strict production
      {Control::confinement,        "confinement",        {fail, fail, fail, fail}},
      {Control::seccomp_install,    "seccomp-install",    {fail, warn, fail, fail}},
      {Control::landlock,           "landlock",           {off,  warn, fail, fail}},
      {Control::egress,             "egress",             {off,  fail, fail, fail}},
      {Control::beyond_policy,      "beyond-policy",      {off,  warn, fail, fail}},
      {Control::host_namespace,     "host-namespace",     {off,  fail, fail, fail}},
      {Control::unpinned_policy,    "unpinned-policy",    {off,  off,  fail, fail}},
      {Control::annotation_grant,   "annotation-grant",   {fail, off,  fail, fail}},
      {Control::rootfs_attestation, "rootfs-attestation", {off,  off,  off,  fail}},
      {Control::memory_limit,       "memory-limit",       {off,  off,  off,  fail}},
      {Control::cgroup_limits,      "cgroup-limits",      {fail, warn, fail, fail}},
      {Control::rlimit_raise,       "rlimit-raise",       {fail, warn, fail, fail}},
      {Control::mount_state,        "mount-state",        {off,  warn, fail, fail}},
      {Control::receipt_mismatch,   "receipt-mismatch",   {off,  warn, fail, fail}},
      {Control::user_namespace,     "user-namespace",     {off,  off,  off,  fail}},
  }};
}();
// clang-format on

// The table is indexed by Control.
static_assert([] {
  for (std::size_t i = 0; i < kControlCount; ++i) {
    if (static_cast<std::size_t>(kControlTable[i].control) != i) {
      return false;
    }
  }
  return true;
}());

[[nodiscard]] constexpr Reaction reaction(Mode mode, Control control) {
  return kControlTable[static_cast<std::size_t>(control)].by_mode[static_cast<std::size_t>(mode)];
}

[[nodiscard]] constexpr std::string_view mode_name(Mode mode) {
  constexpr std::array<std::string_view, 4> kNames = {"passthrough", "agent", "strict-agent", "production"};
  return kNames[static_cast<std::size_t>(mode)];
}

[[nodiscard]] constexpr std::optional<Mode> parse_mode(std::string_view name) {
  for (const Mode mode : {Mode::passthrough, Mode::agent, Mode::strict_agent, Mode::production}) {
    if (mode_name(mode) == name) {
      return mode;
    }
  }
  return std::nullopt;
}

}  // namespace nucleus::hardening
