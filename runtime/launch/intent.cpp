#include "runtime/launch/intent.hpp"

#include <unistd.h>

#include "hardening/modes.hpp"
#include "runtime/launch/files.hpp"

namespace nucleus::launch {

state::Record intended_record(const LaunchInput& input, const ContainerId& id) {
  state::Record out;
  out.id = id.str();
  out.bundle = input.bundle;
  out.rootfs = input.plan.root.path;
  out.created = rfc3339_now();
  out.mode = hardening::mode_name(input.plan.mode);
  out.policy = input.confinement.policy.name;
  out.annotations = input.annotations;
  out.poststart = input.plan.hooks.poststart;
  out.poststop = input.plan.hooks.poststop;
  out.owner = ::geteuid();
  out.shared_pid = !input.plan.namespaces.creates("pid");
  return out;
}

Status write_decision(const state::Directory& directory, const LaunchInput& input) {
  TRY(directory.write(kOriginalFile, input.original));
  TRY(directory.write(kConfigFile, input.rewritten));
  TRY(directory.write(kConfinementFile, hardening::to_json(input.confinement)));
  if (input.plan.egress) {
    TRY(directory.write(kEgressFile, hardening::to_json(input.plan.egress->record)));
  }
  return input.plan.seccomp ? directory.write(kFilterFile, filter_bytes(input.plan.seccomp->filter)) : Status{};
}

}  // namespace nucleus::launch
