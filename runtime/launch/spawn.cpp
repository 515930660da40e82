#include "runtime/launch/spawn.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/base/io.hpp"
#include "runtime/sys/id_map.hpp"
#include "runtime/sys/mount.hpp"
#include "runtime/sys/namespaces.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kCloneParent = 0x00008000;  // CLONE_PARENT
constexpr std::uint64_t kCloneTime = 0x00000080;    // CLONE_NEWTIME
constexpr std::uint64_t kIdmap = 0x00100000;        // MOUNT_ATTR_IDMAP

std::vector<sys::IdRange> ranges(const std::vector<oci::IdMapping>& mappings) {
  std::vector<sys::IdRange> out;
  for (const auto& mapping : mappings) {
    out.push_back({mapping.container_id, mapping.host_id, mapping.size});
  }
  return out;
}

// Whatever peer group the source is in on the host, the clone only receives.
Status make_slave(int mount) {
  sys::MountChange change;
  change.propagation = MS_SLAVE;
  return sys::change_mount(mount, change, true);
}

Status change(int mount, const plan::MountAttributes& attributes, bool recursive) {
  if (attributes.set == 0 && attributes.clear == 0) {
    return {};
  }
  sys::MountChange change;
  change.set = attributes.set;
  change.clear = attributes.clear;
  return sys::change_mount(mount, change, recursive);
}

Status map_mount(int mount, const plan::DetachedMount& plan) {
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  TRY_ASSIGN(const UniqueFd owner, sys::make_user_namespace(proc, {ranges(plan.uid_mappings), ranges(plan.gid_mappings)}));
  sys::MountChange change;
  change.set = kIdmap;
  change.user_namespace = owner.get();
  return sys::change_mount(mount, change, plan.idmap_recursive);
}

Result<UniqueFd> prepare_mount(const plan::DetachedMount& plan) {
  TRY_ASSIGN(UniqueFd mount, sys::clone_tree_at(plan.source, plan.recursive));
  if (!plan.shared) {
    TRY(make_slave(mount.get()));
  }
  TRY(change(mount.get(), plan.tree, true));
  TRY(change(mount.get(), plan.own, false));
  if (!plan.uid_mappings.empty()) {
    TRY(map_mount(mount.get(), plan));
  }
  return mount;
}

std::uint64_t clone_flags(const plan::NamespacePlan& namespaces) {
  std::uint64_t flags = 0;
  for (const auto& type : namespaces.create) {
    flags |= sys::find_namespace_kind(type)->clone_flag;
  }
  return flags;
}

// Offsets can be written only before the first process enters, so the namespace is made here, for our children.
Status prepare_time(const plan::NamespacePlan& namespaces, std::uint64_t& flags) {
  if ((flags & kCloneTime) == 0 || namespaces.time_offsets.empty()) {
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

// Only our children are born in the joined pid namespace.
Status enter_pid_namespace(InitContext& context) {
  const auto& join = context.plan.namespaces.join;
  for (std::size_t i = 0; i < join.size(); ++i) {
    if (join[i].type == "pid") {
      const UniqueFd fd = std::move(context.join[i]);
      return sys::join_namespace(fd.get(), *sys::find_namespace_kind("pid"));
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

// In the go-between: join the user namespace, make the real child as our sibling, tell its pid, end.
[[noreturn]] void run_go_between(InitContext& context, const sys::CloneArgs& args, int report) {
  const auto& join = context.plan.namespaces.join;
  for (std::size_t i = 0; i < join.size(); ++i) {
    if (join[i].type == "user") {
      const UniqueFd fd = std::move(context.join[i]);
      if (!sys::join_namespace(fd.get(), *sys::find_namespace_kind("user"))) {
        ::_exit(1);
      }
    }
  }
  sys::CloneArgs sibling = args;
  sibling.flags |= kCloneParent;
  auto cloned = sys::clone3(sibling);
  if (cloned && cloned->pid == 0) {
    run_init(context);
  }
  const int pid = cloned ? cloned->pid : -1;
  ::_exit(::write(report, &pid, sizeof pid) == static_cast<ssize_t>(sizeof pid) ? 0 : 1);
}

// New namespaces must be owned by the user namespace that is joined, so the join comes before the clone.
Result<sys::Child> clone_in_user_namespace(InitContext& context, const sys::CloneArgs& args) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) {
    return fail_errno("pipe");
  }
  const UniqueFd reader(pipe_ends[0]);
  UniqueFd writer(pipe_ends[1]);
  TRY_ASSIGN(auto cloned, sys::clone3({}));
  if (cloned.pid == 0) {
    run_go_between(context, args, writer.get());
  }
  sys::Child go_between(cloned.pid, std::move(cloned.pidfd));
  writer.reset();
  int pid = -1;
  const ssize_t got = ::read(reader.get(), &pid, sizeof pid);
  TRY(go_between.wait());
  if (got != static_cast<ssize_t>(sizeof pid) || pid <= 0) {
    return fail(ErrorCode::kernel, "cannot make a process in the joined user namespace");
  }
  TRY_ASSIGN(UniqueFd pidfd, sys::pidfd_open(pid));
  return sys::Child(pid, std::move(pidfd));
}

}  // namespace

Result<std::vector<UniqueFd>> prepare_mounts(const std::vector<plan::DetachedMount>& mounts) {
  std::vector<UniqueFd> out;
  for (const auto& mount : mounts) {
    auto prepared = prepare_mount(mount);
    if (!prepared) {
      return tl::unexpected<Error>(
          std::move(prepared).error().with("bind mount " + mount.source + " on " + mount.destination));
    }
    out.push_back(std::move(*prepared));
  }
  return out;
}

Result<UniqueFd> prepare_root(const plan::RootPlan& root) {
  auto mount = sys::clone_tree_at(root.path, true);
  if (!mount) {
    return tl::unexpected<Error>(std::move(mount).error().with("rootfs"));
  }
  TRY(make_slave(mount->get()));
  return mount;
}

Result<std::vector<UniqueFd>> open_namespaces(const std::vector<plan::JoinNamespace>& join,
                                              const std::vector<std::string>& host_allowed) {
  std::vector<UniqueFd> out;
  for (const auto& entry : join) {
    const auto& kind = *sys::find_namespace_kind(entry.type);
    TRY_ASSIGN(UniqueFd fd, sys::open_namespace(entry.path, kind));
    TRY_ASSIGN(const auto id, sys::namespace_id(fd.get()));
    TRY_ASSIGN(const auto own, sys::own_namespace_id(kind));
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
  TRY(prepare_time(namespaces, args.flags));
  TRY(enter_pid_namespace(context));
  return namespaces.joins("user") ? clone_in_user_namespace(context, args) : clone_init(context, args);
}

Status map_ids(const plan::NamespacePlan& namespaces, int pid) {
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  TRY(sys::write_id_maps(proc, pid, {ranges(namespaces.uid_map), ranges(namespaces.gid_map)}));
  return {};
}

}  // namespace nucleus::launch
