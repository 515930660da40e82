// Whether, and how, a process outside of the container looks at its system calls (seccomp_unotify(2)).
//
// - trace: every call from the workload's execve on is recorded and goes on. The policy's own filter stands as well and
//   decides first, so what it denies is denied, and not seen.
// - learn: for a time, calls that the policy denies are recorded and let through, the floor's (seccomp_gate.hpp) never;
//   after that they are denied with the profile's errno. With trace, the allowed ones are recorded too.
// - denials: calls that the policy denies are recorded and denied.
//
// To go on after a notification is no security boundary: the kernel reads a call's memory again. It is used only for calls
// that are let through whatever that memory holds. Processes that `exec` adds have the policy's filter and are not watched.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardening/modes.hpp"
#include "hardening/policy.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

struct SeccompWatch {
  bool trace = false;
  bool denials = false;
  std::uint32_t learn = 0;   // seconds
  std::string file;          // absolute; "": seccomp.log in the state directory, which goes with the container
  bool must_be_new = false;  // `file` is named by an annotation: it never replaces one
  std::uint64_t device = 0;  // of `file`, once it is made
  std::uint64_t inode = 0;
  int watcher = 0;  // pid of the process that watches; 0: not started
  std::uint64_t watcher_start_time = 0;

  // The policy's errors are decided by the watcher, not by the kernel.
  [[nodiscard]] bool soft() const { return denials || learn > 0; }
  bool operator==(const SeccompWatch&) const = default;
};

// "every call is traced; calls that the policy denies are let through for 60 s": for explain and the receipt.
[[nodiscard]] std::string describe(const SeccompWatch& watch);

struct WatchChoice {  // the command line's
  std::string trace;  // a path
  std::string learn;  // a duration
  bool denials = false;
};
struct WatchSelection {
  std::optional<SeccompWatch> watch;
  std::vector<std::string> warnings;  // what annotations asked for in vain
};
// The command line may ask for anything that the mode permits. io.nucleus.seccomp.trace names a file in the host's
// trace_dir that must not exist yet; io.nucleus.seccomp.learn counts where the host has annotations_may_learn; both are
// left out with a warning where the host did not say so. io.nucleus.seccomp.denials is "true" or "false"; an image cannot
// hide what the host wants recorded. Trace and learn
// are for mode agent: an error in the strict modes and, from the command line, in passthrough.
[[nodiscard]] Result<WatchSelection> select_watch(const HostConfig& host, const WatchChoice& choice,
                                                  const std::map<std::string, std::string>& annotations, Mode mode);

// "90s", "10m", "1h": whole numbers, at most a day. Seconds.
[[nodiscard]] Result<std::uint32_t> parse_learn_time(std::string_view text);

[[nodiscard]] std::string to_json(const SeccompWatch& watch);
[[nodiscard]] Result<SeccompWatch> parse_seccomp_watch(std::string_view json, std::string_view file);

}  // namespace nucleus::hardening
