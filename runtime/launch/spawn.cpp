#include "runtime/launch/spawn.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/launch/go_between.hpp"
#include "runtime/launch/trees.hpp"
#include "runtime/sys/credentials.hpp"
#include "runtime/sys/id_map.hpp"
#include "runtime/sys/namespaces.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kCloneTime = 0x00000080;  // CLONE_NEWTIME

std::uint64_t clone_flags(const plan::NamespacePlan& namespaces) {
  std::uint64_t flags = 0;
  for (const auto& type : namespaces.create) {
    flags |= sys::find_namespace_kind(type)->clone_flag;
  }
  return flags;
}

bool prepares_time(const plan::NamespacePlan& namespaces) {
  return namespaces.creates("time") && !namespaces.time_offsets.empty();
}

// Offsets can be written only before the first process enters, so the namespace is made here, for our children.
Status prepare_time(const plan::NamespacePlan& namespaces, std::uint64_t& flags) {
  if (!prepares_time(namespaces)) {
    return {};
  }
  TRY(sys::unshare_namespaces(kCloneTime));
  flags &= ~kCloneTime;
  std::map<std::string, sys::ClockOffset> offsets;
  for (const auto& [clock, offset] : namespaces.time_offsets) {
    offsets[clock] = {offset.secs, offset.nanosecs};
  }
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  return sys::write_time_offsets(proc, ::getpid(), offsets);
}

Status enter(InitContext& context, const char* type) {
  const auto& join = context.plan.namespaces.join;
  for (std::size_t i = 0; i < join.size(); ++i) {
    if (join[i].type == type) {
      const UniqueFd fd = std::move(context.join[i]);
      return sys::join_namespace(fd.get(), *sys::find_namespace_kind(type));
    }
  }
  return {};
}

Result<sys::Child> clone_init(InitContext& context, const sys::CloneArgs& args) {
  TRY_ASSIGN(auto cloned, sys::clone3(args));
  if (cloned.pid == 0) {
    run_init(context);
  }
  return sys::Child(cloned.pid, std::move(cloned.pidfd));
}

// In the go-between. New namespaces must be owned by the user namespace that is joined, so the join comes before the
// clone; a joined pid namespace and clock offsets are for the clone alone. The launcher stays: its hooks are the host's.
Status become_parent(InitContext& context, sys::CloneArgs& args) {
  TRY(prepare_time(context.plan.namespaces, args.flags));
  if (context.plan.namespaces.joins("user")) {
    // Before whoever rules that namespace could trace us, and reach the launcher's descriptors through us.
    TRY(sys::set_dumpable(false));
    TRY(sys::drop_supplementary_groups());
  }
  // Root may leave its rights with the host's user namespace last; a user has none before they enter their own.
  const bool root = ::geteuid() == 0;
  TRY(enter(context, root ? "pid" : "user"));
  return enter(context, root ? "user" : "pid");
}

}  // namespace

Result<std::vector<UniqueFd>> open_namespaces(const std::vector<plan::JoinNamespace>& join,
                                              const std::vector<std::string>& host_allowed) {
  std::vector<UniqueFd> out;
  for (const auto& entry : join) {
    const auto& kind = *sys::find_namespace_kind(entry.type);
    TRY_ASSIGN(UniqueFd fd, sys::open_namespace(entry.path, kind));
    TRY_ASSIGN(const auto id, sys::namespace_id(fd.get()));
    TRY_ASSIGN(const auto own, sys::own_namespace_id(kind));
    if (id == own && entry.type == "mount") {  // pivot_root would take every process of the host along
      return fail(ErrorCode::invalid_config, "linux.namespaces: " + entry.path +
                                                 " is the runtime's own mount namespace: the container's root would "
                                                 "replace the host's");
    }
    const bool allowed = std::find(host_allowed.begin(), host_allowed.end(), entry.type) != host_allowed.end();
    if (id == own && !allowed) {
      return fail(ErrorCode::policy, "linux.namespaces: " + entry.path + " leads to the host's " + entry.type +
                                         " namespace, which no grant allows");
    }
    out.push_back(std::move(fd));
  }
  return out;
}

Result<sys::Child> spawn(InitContext& context, int clone_fd) {
  const plan::NamespacePlan& namespaces = context.plan.namespaces;
  sys::CloneArgs args;
  args.flags = clone_flags(namespaces);
  args.cgroup_fd = clone_fd;
  if (namespaces.joins("user") || namespaces.joins("pid") || prepares_time(namespaces)) {
    return clone_through_go_between(
        args, [&context](sys::CloneArgs& inner) { return become_parent(context, inner); },
        [&context] { run_init(context); });
  }
  return clone_init(context, args);
}

Status map_ids(const plan::NamespacePlan& namespaces, int pid) {
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  TRY(sys::write_id_maps(proc, pid, {id_ranges(namespaces.uid_map), id_ranges(namespaces.gid_map)}));
  return {};
}

}  // namespace nucleus::launch
