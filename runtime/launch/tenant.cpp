#include "runtime/launch/tenant.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "hardening/harden.hpp"
#include "hardening/modes.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/foreign_namespaces.hpp"
#include "runtime/launch/go_between.hpp"
#include "runtime/launch/init.hpp"
#include "runtime/launch/observe.hpp"
#include "runtime/launch/receipt_take.hpp"
#include "runtime/launch/reports.hpp"
#include "runtime/plan/make_plan.hpp"
#include "runtime/sys/credentials.hpp"
#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/probe.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/sys/socket.hpp"
#include "runtime/sys/terminal.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kPidNamespace = 0x20000000;   // CLONE_NEWPID
constexpr std::uint64_t kUserNamespace = 0x10000000;  // CLONE_NEWUSER

Status check_status(const Container& container, bool ignore_paused) {
  switch (container.status) {
    case ContainerStatus::running:
    case ContainerStatus::created:
      return {};
    case ContainerStatus::paused:
      return ignore_paused
                 ? Status{}
                 : fail(ErrorCode::state, "cannot exec in a paused container (use --ignore-paused to override)");
    case ContainerStatus::stopped:
      return fail(ErrorCode::state, "cannot exec in a stopped container");
    case ContainerStatus::creating:
      break;
  }
  return fail(ErrorCode::state, "cannot exec in a container that is being created");
}

// The stored decision, with the process clamped to it.
Result<plan::LaunchPlan> plan_tenant(const Container& container, const oci::Process& process, unsigned preserve_fds) {
  TRY_ASSIGN(const auto confinement, load_confinement(container.directory));
  TRY_ASSIGN(const auto spec, load_executed_spec(container.directory));
  TRY_ASSIGN(const auto facts, sys::probe_host({}));
  TRY_ASSIGN(const auto clamped,
             hardening::harden_process(process, *spec.process, confinement.policy, facts, confinement.mode));
  for (const auto& finding : clamped.report.findings) {
    if (finding.kind == hardening::FindingKind::dropped) {
      log_warning(describe(finding));
    }
  }
  plan::Request request;
  request.id = container.record.id;
  request.preserve_fds = preserve_fds;
  auto plan = plan::make_tenant_plan(spec, clamped.process, confinement.landlock, confinement.mode, request);
  if (spec.linux.seccomp) {
    TRY_ASSIGN(plan.seccomp, load_filter(container.directory, confinement.seccomp_flags));
  }
  TRY(plan::check_invariants(plan));
  return plan;
}

// A directory that is gone or closed leaves the process in the caller's cgroup, without the container's limits.
Status check_cgroup(const Container& container, const sys::CgroupHandle& cgroup, hardening::Mode mode) {
  const std::size_t recorded = container.record.cgroups.size();
  const std::size_t found = cgroup.directories().size();
  if (found == recorded && cgroup.failures().empty()) {
    return {};
  }
  const std::string text = "exec: " + std::to_string(found) + " of the container's " + std::to_string(recorded) +
                           " cgroup directories can be joined";
  if (hardening::reaction(mode, hardening::Control::cgroup_limits) == hardening::Reaction::fail) {
    return fail(ErrorCode::kernel, text);
  }
  log_warning(text);
  return {};
}

// In the child: cgroup, then the namespaces of init in one call, then its root as ours.
Status enter(InitContext& context, const sys::CgroupHandle& cgroup, int init, std::uint64_t namespaces, bool owner) {
  if (!cgroup.is_v2() && !cgroup.empty()) {
    TRY(cgroup.join_self());
  }
  if ((namespaces & kUserNamespace) != 0) {
    TRY(sys::drop_supplementary_groups());
  }
  TRY(sys::join_namespaces_of(init, namespaces & ~(owner ? kPidNamespace | kUserNamespace : kPidNamespace)));
  if ((namespaces & kUserNamespace) != 0) {
    TRY(perform(context, {plan::BecomeNamespaceRoot{}, hardening::Reaction::fail}));
  }
  if (context.plan.process.terminal) {
    TRY_ASSIGN(UniqueFd root, open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY));
    TRY_ASSIGN(context.root_dir, sys::RootDir::adopt(std::move(root)));
  }
  return {};
}

// v2 lets no process into a cgroup that hands controllers down to children. An init that made some (systemd, or any
// supervisor with a cgroup of its own to divide) has moved to one of them, and there a new process belongs as well.
Result<sys::Child> clone_into(const sys::CgroupHandle& cgroup, pid_t init,
                              const std::function<Result<sys::Child>(const sys::CloneArgs&)>& clone) {
  sys::CloneArgs args;
  args.cgroup_fd = cgroup.clone_fd();
  auto cloned = clone(args);
  if (cloned || cloned.error().sys_errno != EBUSY || args.cgroup_fd < 0) {
    return cloned;
  }
  TRY_ASSIGN(const auto facts, sys::find_cgroups());
  TRY_ASSIGN(const UniqueFd inner, cgroup.inner_cgroup_of(facts, init));
  args.cgroup_fd = inner.get();
  return clone(args);
}

// The way into a container that waits for its start, for as long as the result lives.
Result<LauncherEnd> open_created(const Container& container) {
  if (container.status != ContainerStatus::created || ::geteuid() == 0) {
    return LauncherEnd();
  }
  TRY_ASSIGN(auto connection,
             sys::connect_at(container.directory.fd(), state::kStartSocket, sys::SocketType::seqpacket));
  LauncherEnd channel(std::move(connection));
  TRY(open_to_owner(channel));
  return channel;
}

struct Spawned {
  sys::Child child;
  LauncherEnd channel;
};

// Only the owner's rights inside the container's user namespace let a user into its pid namespace, so both are entered
// together, by a process that nobody in there may trace.
Result<sys::Child> clone_unprivileged(const sys::CloneArgs& args, const Container& container,
                                      const plan::LaunchPlan& plan, const std::function<void()>& child) {
  const auto enter_first = [&](sys::CloneArgs&) -> Status {
    apply_oom_score(plan);
    TRY(sys::set_dumpable(false));
    return sys::join_namespaces_of(container.pidfd.get(), kUserNamespace | kPidNamespace);
  };
  return clone_through_go_between(args, enter_first, child);
}

Result<sys::Child> clone_privileged(const sys::CloneArgs& args, const std::function<void()>& child) {
  TRY_ASSIGN(auto cloned, sys::clone3(args));
  if (cloned.pid == 0) {
    child();
  }
  return sys::Child(cloned.pid, std::move(cloned.pidfd));
}

Result<Spawned> spawn_tenant(const Container& container, const plan::LaunchPlan& plan) {
  TRY_ASSIGN(const std::uint64_t namespaces, foreign_namespaces(container.record.pid));
  const auto cgroup = sys::CgroupHandle::open(cgroup_directories(container.record));
  TRY(check_cgroup(container, cgroup, plan.mode));
  TRY_ASSIGN(auto channel, make_channel());
  InitContext context(plan);
  context.channel = std::move(channel.process);
  const bool owner = ::geteuid() != 0 && (namespaces & kUserNamespace) != 0;
  if (!owner && (namespaces & kPidNamespace) != 0) {
    TRY(sys::join_namespaces_of(container.pidfd.get(), kPidNamespace));  // for our children only
  }
  const auto child_body = [&] {
    channel.launcher.close();
    context.before_start = [&] { return enter(context, cgroup, container.pidfd.get(), namespaces, owner); };
    run_init(context);
  };
  TRY_ASSIGN(sys::Child child, clone_into(cgroup, container.record.pid, [&](const sys::CloneArgs& args) {
               return owner ? clone_unprivileged(args, container, plan, child_body)
                            : clone_privileged(args, child_body);
             }));
  return Spawned{std::move(child), std::move(channel.launcher)};
}

// Until the program runs (end of file) or failed to.
Status await_exec(const Spawned& spawned, const plan::LaunchPlan& plan, const TenantOptions& options,
                  UniqueFd& console) {
  for (;;) {
    TRY_ASSIGN(auto received, spawned.channel.receive());
    if (!received) {
      return {};
    }
    const Report& report = received->report;
    if (report.kind == ReportKind::failed) {
      return tl::unexpected<Error>(error_of(plan, report));
    }
    if (report.kind == ReportKind::warning) {
      log_warning(describe_report(plan, report));
    }
    if (report.kind == ReportKind::console) {
      console = std::move(received->carried);
      if (!options.console_socket.empty()) {
        TRY(sys::send_terminal(options.console_socket, console.get(), report.detail));
        console.reset();
      }
    }
  }
}

}  // namespace

Result<Tenant> start_tenant(const Container& container, const oci::Process& process, const TenantOptions& options) {
  TRY(check_status(container, options.ignore_paused));
  TRY_ASSIGN(const auto plan, plan_tenant(container, process, options.preserve_fds));
  TRY_ASSIGN(const LauncherEnd open, open_created(container));
  TRY_ASSIGN(auto spawned, spawn_tenant(container, plan));
  Tenant tenant;
  TRY(await_exec(spawned, plan, options, tenant.console));
  if (!options.pid_file.empty()) {
    TRY(write_pid_file(options.pid_file, spawned.child.pid()));
  }
  tenant.pid = spawned.child.release();
  return tenant;
}

}  // namespace nucleus::launch
