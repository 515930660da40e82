// The rewrite: a pure function from a validated Spec to a stricter one.
#pragma once

#include <optional>

#include "hardening/egress_policy.hpp"
#include "hardening/landlock_rules.hpp"
#include "hardening/modes.hpp"
#include "hardening/policy.hpp"
#include "hardening/report.hpp"
#include "oci/spec.hpp"
#include "runtime/base/host_facts.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::hardening {

struct Hardened {
  Mode mode = Mode::agent;
  oci::Spec spec;
  Report report;
  LandlockRuleset landlock;
  std::optional<EgressPolicy> egress;              // with the grants; absent in passthrough
  bool ephemeral_root = false;                     // writes to / go to a tmpfs that dies with the container
  std::shared_ptr<const Attestation> attestation;  // what the root is compared with before it is mounted
};

// Idempotent (hardening the result changes nothing and reports no `tightened` or `dropped` finding) and monotone
// (capabilities, writable paths, syscalls, reachable namespaces only shrink unless a grant says otherwise).
// In mode passthrough the Spec is returned unchanged, without Landlock.
// Errors: ErrorCode::policy with the request, the rule and the line that would grant it.
[[nodiscard]] Result<Hardened> harden(const oci::Spec& spec, const Policy& policy, const HostFacts& facts, Mode mode);

// The same for a process that joins a running container (`exec`): `process` gets at most what `init` (the container's
// hardened process) has. A request beyond it is dropped or refused as law 1 says.
struct HardenedProcess {
  oci::Process process;
  Report report;
};
[[nodiscard]] Result<HardenedProcess> harden_process(const oci::Process& process, const oci::Process& init,
                                                     const Policy& policy, const HostFacts& facts, Mode mode);

// The same for limits that change while the container runs (`update`): `resources` as they would be in its config.json.
struct HardenedResources {
  oci::Resources resources;
  Report report;
};
[[nodiscard]] Result<HardenedResources> harden_update(const oci::Resources& resources, const Policy& policy,
                                                      const HostFacts& facts, Mode mode);

// Which mode and which extra grants apply, from host configuration, command line and annotations (semantics.md).
struct Selection {
  Mode mode = Mode::agent;
  std::string policy;         // name of the set
  std::string mode_origin;    // who chose it: "command line", "annotation io.nucleus.mode", "host configuration",
  std::string policy_origin;  // "profile \"build\" (/etc/nucleus/nucleus.toml:7:1)"
  std::vector<Grant> grants;  // from the command line and annotations, to be appended to the set's own
  std::vector<std::string> warnings;  // for stderr: what an annotation asked for in vain
};
struct CommandLineChoice {
  std::string mode;                 // "" when not given
  std::string policy;               // "" when not given
  std::vector<std::string> grants;  // --grant
};
// Precedence: command line, annotations (io.nucleus.mode, .policy, .grant), the host configuration's profile for this
// container (hardening/profile.hpp), the rest of the host configuration. Annotations choose no
// passthrough and nothing below the host's floor. An unknown io.nucleus.* name is an error (a misspelt one would
// silently not apply), except in passthrough.
[[nodiscard]] Result<Selection> select(const HostConfig& host, const CommandLineChoice& choice,
                                       const std::map<std::string, std::string>& annotations,
                                       const ContainerIdentity& container = {});

}  // namespace nucleus::hardening
