#include <algorithm>

#include "runtime/plan/parts.hpp"

namespace nucleus::plan {
namespace {

using hardening::Control;
using hardening::Mode;
using hardening::Reaction;

constexpr std::uint32_t kDefaultUmask = 0022;

// A user namespace without a mapping for more than one gid denies setgroups unless a privileged writer mapped it, and of
// one that is joined nobody knows; an empty list needs no call that could be denied.
bool may_set_groups(const oci::Spec& spec, const oci::Process& process) {
  const auto& namespaces = spec.linux.namespaces;
  const auto user = std::ranges::find(namespaces, "user", &oci::Namespace::type);
  return !process.user.additional_gids.empty() || user == namespaces.end() ||
         (user->path.empty() && !spec.linux.gid_mappings.empty() && spec.linux.gid_mappings.front().size > 1);
}

// Ambient is what the kernel lets be raised: names that are permitted and inheritable too. `runc spec` writes ambient sets
// without inheritable ones, and every runc leaves those out, as the spec asks for sets that cannot be granted.
SetCapabilities capability_sets(const oci::Process& process) {
  if (!process.capabilities) {
    return {};
  }
  const oci::Capabilities& caps = *process.capabilities;
  const CapabilityMask permitted = capability_mask(caps.permitted);
  const CapabilityMask inheritable = capability_mask(caps.inheritable);
  return {permitted, capability_mask(caps.effective), inheritable,
          capability_mask(caps.ambient) & permitted & inheritable};
}

}  // namespace

void plan_limits(std::vector<InitOp>& init, const oci::Process& process, Mode mode) {
  const Reaction cannot_raise = hardening::reaction(mode, Control::rlimit_raise);
  for (const auto& limit : process.rlimits) {
    init.push_back({SetRlimit{limit}, cannot_raise});
  }
  if (process.oom_score_adj) {
    init.push_back({SetOomScore{*process.oom_score_adj}, cannot_raise});
  }
  if (process.scheduler) {
    init.push_back({SetScheduler{*process.scheduler}, Reaction::fail});
  }
  if (process.io_priority) {
    init.push_back({SetIoPriority{*process.io_priority}, Reaction::fail});
  }
  if (process.exec_cpu_affinity && !process.exec_cpu_affinity->final.empty()) {
    init.push_back({SetCpuAffinity{process.exec_cpu_affinity->final}, Reaction::fail});
  }
}

void plan_confinement(std::vector<InitOp>& init, const oci::Spec& spec, const oci::Process& process,
                      const hardening::LandlockRuleset& landlock, Mode mode, unsigned preserve_fds) {
  const Reaction confined = hardening::reaction(mode, Control::confinement);
  const CapabilityMask bounding = process.capabilities ? capability_mask(process.capabilities->bounding) : 0;
  init.push_back({DropBounding{bounding}, confined});
  init.push_back({SetIds{process.user.uid, process.user.gid, process.user.additional_gids,
                         may_set_groups(spec, process), process.user.umask.value_or(kDefaultUmask)},
                  confined});
  SetCapabilities sets = capability_sets(process);
  sets.hold_sys_admin = !process.no_new_privileges && (landlock.abi > 0 || spec.linux.seccomp.has_value());
  init.push_back({sets, confined});
  if (process.no_new_privileges) {
    init.push_back({NoNewPrivileges{}, confined});
  }
  if (!process.apparmor_profile.empty() || !process.selinux_label.empty()) {
    init.push_back({SecurityLabel{process.apparmor_profile, process.selinux_label}, Reaction::fail});
  }
  // The mode table is about kernels without Landlock; a kernel that has it and refuses is no reason to go on without,
  // in any mode (and what stands between the container and the runtime's binary, sealed_self.hpp, was left out).
  if (landlock.abi > 0) {
    init.push_back({PrepareLandlock{}, Reaction::fail});
    init.push_back({EnterLandlock{}, Reaction::fail});
  }
  init.push_back({CloseDescriptors{preserve_fds}, Reaction::fail});
  if (spec.linux.seccomp) {
    init.push_back({InstallSeccomp{}, hardening::reaction(mode, Control::seccomp_install)});
  }
  init.push_back({Execute{}, Reaction::fail});
}

}  // namespace nucleus::plan
