#include "runtime/plan/parts.hpp"

namespace nucleus::plan {
namespace {

// Propagation of the whole tree before the first mount. `slave` keeps what the host mounts later visible (what runc
// does without an instruction); nothing the container mounts ever reaches the host.
std::string initial_propagation(const std::string& asked) {
  return asked == "private" || asked == "rprivate" ? "rprivate" : "rslave";
}

}  // namespace

Status plan_rootfs(PlanContext& context) {
  const oci::Spec& spec = context.spec;
  context.plan.root.path = context.facts.rootfs.path;
  context.plan.root.kind = context.hardened.ephemeral_root ? RootKind::overlay : RootKind::bind;
  // no_new_privs alone would do; the mount says it a second time, for whoever enters the namespace without it.
  context.plan.root.nosuid =
      context.hardened.mode != hardening::Mode::passthrough && spec.process && spec.process->no_new_privileges;
  context.plan.root.attestation = context.hardened.attestation;
  context.plan.root.keep_attested = context.hardened.attestation && spec.root.readonly;
  context.add(AttachRoot{initial_propagation(spec.linux.rootfs_propagation)});
  context.add(PivotRoot{});
  if (!spec.linux.rootfs_propagation.empty()) {
    context.add(MountPropagation{spec.linux.rootfs_propagation});
  }
  return {};
}

}  // namespace nucleus::plan
