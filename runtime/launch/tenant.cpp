#include "runtime/launch/tenant.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "hardening/harden.hpp"
#include "hardening/modes.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/init.hpp"
#include "runtime/launch/receipt_take.hpp"
#include "runtime/launch/reports.hpp"
#include "runtime/plan/make_plan.hpp"
#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/probe.hpp"
#include "runtime/sys/process.hpp"
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

// Namespaces that init does not share with us: joining one's own is refused by the kernel for some kinds.
Result<std::uint64_t> foreign_namespaces(int pid) {
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  std::uint64_t flags = 0;
  for (const auto& kind : sys::namespace_kinds()) {
    const auto fd = sys::open_namespace_of(proc, pid, kind);
    if (!fd && fd.error().sys_errno == ENOENT && sys::process_stat(pid)) {
      continue;  // a kernel without this kind; anything else must not leave the process outside
    }
    if (!fd) {
      return tl::unexpected<Error>(fd.error());
    }
    TRY_ASSIGN(const auto theirs, sys::namespace_id(fd->get()));
    TRY_ASSIGN(const auto own, sys::own_namespace_id(kind));
    flags |= theirs == own ? 0 : kind.clone_flag;
  }
  return flags;
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
Status enter(InitContext& context, const sys::CgroupHandle& cgroup, int init, std::uint64_t namespaces) {
  if (!cgroup.is_v2() && !cgroup.empty()) {
    TRY(cgroup.join_self());
  }
  TRY(sys::join_namespaces_of(init, namespaces & ~kPidNamespace));
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
Result<sys::Cloned> clone_into(const sys::CgroupHandle& cgroup, pid_t init) {
  sys::CloneArgs args;
  args.cgroup_fd = cgroup.clone_fd();
  auto cloned = sys::clone3(args);
  if (cloned || cloned.error().sys_errno != EBUSY || args.cgroup_fd < 0) {
    return cloned;
  }
  TRY_ASSIGN(const auto facts, sys::find_cgroups());
  TRY_ASSIGN(const UniqueFd inner, cgroup.inner_cgroup_of(facts, init));
  args.cgroup_fd = inner.get();
  return sys::clone3(args);
}

struct Spawned {
  sys::Child child;
  LauncherEnd channel;
};

Result<Spawned> spawn_tenant(const Container& container, const plan::LaunchPlan& plan) {
  TRY_ASSIGN(const std::uint64_t namespaces, foreign_namespaces(container.record.pid));
  const auto cgroup = sys::CgroupHandle::open(cgroup_directories(container.record));
  TRY(check_cgroup(container, cgroup, plan.mode));
  TRY_ASSIGN(auto channel, make_channel());
  InitContext context(plan);
  context.channel = std::move(channel.process);
  if ((namespaces & kPidNamespace) != 0) {
    TRY(sys::join_namespaces_of(container.pidfd.get(), kPidNamespace));  // for our children only
  }
  TRY_ASSIGN(auto cloned, clone_into(cgroup, container.record.pid));
  if (cloned.pid == 0) {
    channel.launcher.close();
    context.before_start = [&] { return enter(context, cgroup, container.pidfd.get(), namespaces); };
    run_init(context);
  }
  return Spawned{sys::Child(cloned.pid, std::move(cloned.pidfd)), std::move(channel.launcher)};
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
