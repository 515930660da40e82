// Hardened spec + host facts + request -> Plan. Pure.
#pragma once

#include "hardening/harden.hpp"
#include "runtime/base/host_facts.hpp"
#include "runtime/plan/plan.hpp"

namespace nucleus::plan {

struct Request {
  std::string id;
  std::string state_root;     // tells containers of one id apart in a shared network namespace
  std::string bundle;         // absolute; relative bind sources start there
  unsigned preserve_fds = 0;  // from 3 on, those of `listen_fds` among them
  unsigned listen_fds = 0;    // sd_listen_fds(3): so many of them are told to the program by its environment
  bool no_new_keyring = false;
  bool no_cgroups = false;
  bool systemd_cgroup = false;  // cgroupsPath is slice:prefix:name, the cgroup a unit of systemd
  bool asks_limits = true;      // the config as it was read has limits of its own, see asks_limits()
};

// Whether linux.resources limits anything but devices.
[[nodiscard]] bool asks_limits(const oci::Spec& spec);

// Errors: a config that this runtime cannot carry out (ErrorCode::invalid_config names the JSON path).
[[nodiscard]] Result<LaunchPlan> make_plan(const hardening::Hardened& hardened, const HostFacts& facts,
                                           const Request& request);

// The plan of a process that joins the container (`exec`): the confinement tail of the init order and nothing else.
// `spec` is the container's hardened spec; `process` was clamped by hardening::harden_process.
[[nodiscard]] LaunchPlan make_tenant_plan(const oci::Spec& spec, const oci::Process& process,
                                          const hardening::LandlockRuleset& landlock, hardening::Mode mode,
                                          const Request& request);

// Order and completeness rules over plan.init; a violation is a bug of ours, never a user's error.
[[nodiscard]] Status check_invariants(const LaunchPlan& plan);

}  // namespace nucleus::plan
