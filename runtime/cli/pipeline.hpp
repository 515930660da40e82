// The pure half of create, run, explain and plan: bundle -> selection -> policy -> hardened spec -> plan.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hardening/harden.hpp"
#include "hardening/policy.hpp"
#include "hardening/seccomp_watch.hpp"
#include "oci/bundle.hpp"
#include "runtime/base/host_facts.hpp"
#include "runtime/cli/command.hpp"
#include "runtime/plan/make_plan.hpp"

namespace nucleus::cli {

// --mode, --policy, --policy-file, --grant: the same for every command that takes a bundle.
inline constexpr Option kModeOption = {"mode", 0, "agent|strict-agent|production|passthrough",
                                       "how strictly; see the table of modes"};
inline constexpr Option kPolicyOption = {"policy", 0, "SET", "policy set: a name, or a directory with a slash in it"};
inline constexpr Option kPolicyFileOption = {
    "policy-file", 0, "KIND=PATH",
    "caps, egress, landlock or seccomp from this file instead of the set's (repeatable); pinned as PATH@sha256:HEX"};
inline constexpr Option kGrantOption = {"grant", 0, "GRANT", "grant one request (repeatable), e.g. device:/dev/fuse"};

// How a process outside looks at the container's system calls (hardening/seccomp_watch.hpp).
inline constexpr Option kTraceOption = {"seccomp-trace", 0, "FILE", "record every system call in FILE (mode agent)"};
inline constexpr Option kLearnOption = {
    "seccomp-learn", 0, "DURATION",
    "let system calls through that the policy denies, for so long, and record them (mode agent), e.g. 10m"};
inline constexpr Option kDenialsOption = {"seccomp-denials", 0, "", "record the system calls that the policy denies"};

inline constexpr Option kAttestOption = {"attest", 0, "FILE",
                                         "the rootfs must be what this manifest says: FILE or FILE@sha256:HEX"};

struct Decision {
  oci::Bundle bundle;
  hardening::Policy policy;  // with the selection's grants appended
  HostFacts facts;
  hardening::Hardened hardened;
  std::string rewritten;  // the config that is executed
  std::optional<hardening::SeccompWatch> watch;
  hardening::ReceiptSettings receipt;
};

// A path of the command line's counts from where the caller is; what is written down may be used from elsewhere. Without
// "..", "." and empty parts. "" stays.
[[nodiscard]] Result<std::string> absolute_path(const std::string& path);

// Everything up to the rewrite. A first argument is the container's id, which a profile of the host configuration may look
// at. Asks nothing of the kernel but HostFacts and needs no privilege.
[[nodiscard]] Result<Decision> decide(const Globals& globals, const Arguments& arguments);

// The plan, checked against the invariants.
[[nodiscard]] Result<plan::LaunchPlan> plan_launch(const Decision& decision, const plan::Request& request);

}  // namespace nucleus::cli
