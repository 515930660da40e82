#include "runtime/launch/spawn.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/launch/trees.hpp"
#include "runtime/sys/id_map.hpp"
#include "runtime/sys/namespaces.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kCloneParent = 0x00008000;  // CLONE_PARENT
constexpr std::uint64_t kCloneTime = 0x00000080;    // CLONE_NEWTIME

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

Status become_parent(InitContext& context, sys::CloneArgs& args) {
  TRY(prepare_time(context.plan.namespaces, args.flags));
  if (context.plan.namespaces.joins("user")) {
    // Before whoever rules that namespace could trace us, and reach the launcher's descriptors through us.
    TRY(sys::set_dumpable(false));
  }
  TRY(enter(context, "pid"));
  return enter(context, "user");
}

// What the go-between tells: the child's pid, or why there is none.
struct Birth {
  int pid = -1;
  int sys_errno = 0;
};

// In the go-between: enter what only its children shall see, make the real child as our sibling, tell its pid, end.
[[noreturn]] void run_go_between(InitContext& context, sys::CloneArgs args, int report) {
  args.flags |= kCloneParent;
  Birth birth;
  if (Status ready = become_parent(context, args); !ready) {
    birth.sys_errno = ready.error().sys_errno;
  } else if (auto cloned = sys::clone3(args); !cloned) {
    birth.sys_errno = cloned.error().sys_errno;
  } else if (cloned->pid == 0) {
    run_init(context);
  } else {
    birth.pid = cloned->pid;
  }
  ::_exit(::write(report, &birth, sizeof birth) == static_cast<ssize_t>(sizeof birth) ? 0 : 1);
}

// New namespaces must be owned by the user namespace that is joined, so the join comes before the clone; a joined pid
// namespace and clock offsets are for the clone alone. The launcher stays where it is: its hooks are the host's.
Result<sys::Child> clone_through_go_between(InitContext& context, const sys::CloneArgs& args) {
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
  Birth birth;
  const ssize_t got = ::read(reader.get(), &birth, sizeof birth);
  TRY(go_between.wait());
  if (got != static_cast<ssize_t>(sizeof birth) || birth.pid <= 0) {
    return fail_errno("cannot make a process in the joined namespaces", birth.sys_errno);
  }
  TRY_ASSIGN(UniqueFd pidfd, sys::pidfd_open(birth.pid));
  return sys::Child(birth.pid, std::move(pidfd));
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
  const bool indirect = namespaces.joins("user") || namespaces.joins("pid") || prepares_time(namespaces);
  return indirect ? clone_through_go_between(context, args) : clone_init(context, args);
}

Status map_ids(const plan::NamespacePlan& namespaces, int pid) {
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  TRY(sys::write_id_maps(proc, pid, {id_ranges(namespaces.uid_map), id_ranges(namespaces.gid_map)}));
  return {};
}

}  // namespace nucleus::launch
