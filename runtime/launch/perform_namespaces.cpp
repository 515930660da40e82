#include <unistd.h>

#include <sched.h>

#include "runtime/launch/egress.hpp"
#include "runtime/launch/egress_names.hpp"
#include "runtime/launch/performer.hpp"
#include "runtime/sys/credentials.hpp"
#include "runtime/sys/keyring.hpp"
#include "runtime/sys/namespaces.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kNewCgroup = 0x02000000;  // CLONE_NEWCGROUP

}  // namespace

Status Performer::operator()(const plan::JoinNamespace& op) const {
  const auto& join = context.plan.namespaces.join;
  for (std::size_t i = 0; i < join.size(); ++i) {
    if (join[i].type == op.type) {
      const UniqueFd fd = std::move(context.join[i]);
      // Empty: entered before this process was made (a user namespace owns what the others need).
      return fd ? sys::join_namespace(fd.get(), *sys::find_namespace_kind(op.type)) : Status{};
    }
  }
  return fail(ErrorCode::internal, "no descriptor for the " + op.type + " namespace");
}

Status Performer::operator()(const plan::JoinCgroup&) const {
  return context.cgroup == nullptr ? Status{} : context.cgroup->join_self();
}

Status Performer::operator()(const plan::UnshareCgroup&) const { return sys::unshare_namespaces(kNewCgroup); }

Status Performer::operator()(const plan::BecomeNamespaceRoot&) const {
  sys::Ids root;
  root.set_groups = false;  // the map may deny it; the workload's groups are set later
  return sys::set_ids(root);
}

Status Performer::operator()(const plan::NewSessionKeyring& op) const {
  return sys::join_new_session_keyring(op.name, sys::KeyringSupport::optional);
}

Status Performer::operator()(const plan::SetHostname& op) const { return sys::set_hostname(op.name); }

Status Performer::operator()(const plan::SetDomainname& op) const { return sys::set_domainname(op.name); }

Status Performer::operator()(const plan::LoopbackUp&) const { return sys::bring_loopback_up(); }

Status Performer::operator()(const plan::InstallEgress&) const {
  if (!context.plan.egress) {
    return fail(ErrorCode::internal, "there are no egress rules");
  }
  if (context.plan.egress->by_cgroup) {
    return hand_over_egress(context);
  }
  if (context.plan.egress->record.policy.has_names()) {
    return install_followed_egress(context);
  }
  TRY_ASSIGN(const auto socket, install_egress(*context.plan.egress, context.runtime_network));
  return {};
}

}  // namespace nucleus::launch
