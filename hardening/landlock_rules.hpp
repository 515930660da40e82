// Landlock rules for one container, computed from data alone; runtime/sys/landlock opens the paths and installs them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hardening/policy.hpp"
#include "oci/spec.hpp"
#include "runtime/base/host_facts.hpp"

namespace nucleus::hardening {

struct LandlockPath {
  std::string path;          // inside the container
  std::uint64_t access = 0;  // LANDLOCK_ACCESS_FS_* bits, already masked to what the ABI knows
  bool operator==(const LandlockPath&) const = default;
};

struct LandlockPort {
  std::uint16_t port = 0;
  std::uint64_t access = 0;  // LANDLOCK_ACCESS_NET_* bits
  bool operator==(const LandlockPort&) const = default;
};

// A complete ruleset. `abi` 0 means that the kernel has no Landlock and nothing is installed.
struct LandlockRuleset {
  int abi = 0;
  std::uint64_t handled_fs = 0;
  std::uint64_t handled_net = 0;
  std::uint64_t scoped = 0;
  std::vector<LandlockPort> ports;
  std::vector<LandlockPath> paths;  // sorted by path; a path that does not exist is skipped at installation
  bool operator==(const LandlockRuleset&) const = default;
};

// Rules from the policy, or derived from the hardened spec's mounts and the rootfs layout (semantics.md "Landlock").
// All file rights of the ABI are handled. Network ports are add_landlock_ports()'s. Scopes are set
// only where the pid or network namespace is shared with the host.
[[nodiscard]] LandlockRuleset landlock_rules(const oci::Spec& hardened, const Policy& policy, const HostFacts& facts,
                                             bool ephemeral_root);

// TCP ports from the egress policy: connect where it says landlock_ports or the network namespace is the host's, bind where
// it lists ports. Lists of more than 4,096 ports, or with an entry that opens every port, are not handled.
void add_landlock_ports(LandlockRuleset& rules, const EgressPolicy& egress, bool host_network);

// What of it is in force, and what was asked for and is not.
[[nodiscard]] std::vector<std::string> landlock_port_notes(const LandlockRuleset& rules, const EgressPolicy& egress);

// What a reader of the report must know about them, e.g. a directory that stays writable and executable.
[[nodiscard]] std::vector<std::string> landlock_notes(const oci::Spec& hardened, const Policy& policy,
                                                      const HostFacts& facts, bool ephemeral_root);

// Bits for `access` that an ABI knows; e.g. write gains TRUNCATE with ABI 3, create gains REFER with ABI 2.
[[nodiscard]] std::uint64_t landlock_bits(AccessSet access, int abi);

}  // namespace nucleus::hardening
