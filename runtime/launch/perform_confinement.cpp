#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/launch/c_strings.hpp"
#include "runtime/launch/hooks.hpp"
#include "runtime/launch/performer.hpp"
#include "runtime/sys/credentials.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/sys/seccomp.hpp"
#include "runtime/sys/seccomp_notify.hpp"
#include "runtime/sys/socket.hpp"

namespace nucleus::launch {
namespace {

// To be traced is a danger while others share the namespaces and this process is not confined yet, so it may be only from
// the starter's wish to the starter's order.
Status expect_start(const ProcessEnd& channel) {
  for (;;) {
    const auto order = channel.next();
    TRY(sys::set_dumpable(order && *order == Order::observe));
    if (!order) {
      return tl::unexpected<Error>(order.error());
    }
    if (*order == Order::start) {
      return {};
    }
    if (*order != Order::observe) {
      return fail(ErrorCode::internal, "an unexpected order instead of start");
    }
    TRY(channel.report(ReportKind::ready));
  }
}

// Until somebody connects and really says start: a `start` that was killed on the way leaves the container created.
Status wait_on_socket(InitContext& context) {
  for (;;) {
    TRY_ASSIGN(UniqueFd connection, sys::accept_connection(context.start_listener.get()));
    ProcessEnd starter(std::move(connection));
    if (expect_start(starter)) {
      context.channel = std::move(starter);
      context.start_listener.reset();
      return {};
    }
  }
}

Status write_label(InitContext& context, const std::string& value) {
  TRY_ASSIGN(const auto* proc, proc_of(context));
  Status written = proc->write("thread-self/attr/apparmor/exec", value);
  if (!written && written.error().sys_errno == ENOENT) {
    written = proc->write("thread-self/attr/exec", value);
  }
  // In words of our own: engines take the kernel's for a program that is missing.
  return !written && written.error().sys_errno == ENOENT
             ? fail(ErrorCode::kernel, "the host has no such AppArmor profile")
             : written;
}

// A thread has one listener at most. The filter that reports every call is the older one: the policy's, installed last, is
// the one that the receipt finds, and where it denies it goes before the other.
Status install_watched(const ProcessEnd& channel, const plan::SeccompPlan& seccomp) {
  const std::span<const std::uint64_t> code(seccomp.gate.empty() ? seccomp.filter : seccomp.gate);
  if (seccomp.watch->trace) {
    TRY(channel.report_every_call());
    TRY(sys::install_seccomp(code, seccomp.flags));
    return {};
  }
  TRY_ASSIGN(const UniqueFd listener, sys::install_notifying(code, seccomp.flags));
  return channel.report(ReportKind::listener, 0, nullptr, listener.get());
}

}  // namespace

Status Performer::operator()(const plan::RuntimeHooks&) const {
  TRY(context.channel.report(ReportKind::runtime_hooks));
  return context.channel.expect(Order::proceed);
}

Status Performer::operator()(const plan::ContainerHooks&) const {
  return run_hooks(context.plan.hooks.create_container, "createContainer", oci::hook_state_json(context.hook_state),
                   context.hook_state.rootfs);
}

Status Performer::operator()(const plan::WaitForStart&) const {
  // Before the launcher may end: from here on its death shows as the end of the channel.
  TRY(sys::set_parent_death_signal(0));
  TRY(context.channel.report(ReportKind::ready));
  TRY(context.channel.expect(Order::created));
  if (!context.start_listener) {
    return expect_start(context.channel);
  }
  context.channel.close();
  return wait_on_socket(context);
}

Status Performer::operator()(const plan::StartHooks&) const {
  context.hook_state.status = "created";
  return run_hooks(context.plan.hooks.start_container, "startContainer", oci::hook_state_json(context.hook_state));
}

Status Performer::operator()(const plan::DropBounding& op) const { return sys::drop_bounding_set(op.keep); }

Status Performer::operator()(const plan::SetIds& op) const {
  ::umask(op.umask);
  Status set = sys::set_ids({op.uid, op.gid, op.groups, true});
  // The launcher's groups go wherever setgroups(2) is permitted; a user namespace mapped without privilege denies it.
  if (!set && set.error().sys_errno == EPERM && !op.set_groups) {
    set = sys::set_ids({op.uid, op.gid, op.groups, false});
  }
  return set;
}

// In passthrough a capability that this host never had is left out, as the runtime-spec asks of a runtime that cannot
// map one; the hardened modes have decided what is kept, and not getting it is an error.
Status Performer::operator()(const plan::SetCapabilities& op) const {
  CapabilityMask have = ~CapabilityMask{0};
  if (context.plan.mode == hardening::Mode::passthrough) {
    TRY_ASSIGN(const auto own, sys::capability_sets());
    have = own.permitted;
  }
  const CapabilityMask held = op.hold_sys_admin ? capability_bit("CAP_SYS_ADMIN") : 0;
  return sys::set_capabilities(
      {(op.permitted & have) | held, (op.effective & have) | held, op.inheritable & have, op.ambient & have});
}

Status Performer::operator()(const plan::NoNewPrivileges&) const { return sys::set_no_new_privileges(); }

Status Performer::operator()(const plan::SecurityLabel& op) const {
  if (!op.apparmor.empty()) {
    TRY(write_label(context, "exec " + op.apparmor));
  }
  if (!op.selinux.empty()) {
    TRY_ASSIGN(const auto* proc, proc_of(context));
    TRY(proc->write("thread-self/attr/exec", op.selinux));
  }
  context.proc.reset();
  return {};
}

Status Performer::operator()(const plan::PrepareLandlock&) const {
  const hardening::LandlockRuleset& rules = context.plan.landlock;
  TRY_ASSIGN(sys::Landlock domain, sys::Landlock::create(rules.handled_fs, rules.handled_net, rules.scoped));
  for (const auto& rule : rules.paths) {
    const UniqueFd path(::open(rule.path.c_str(), O_PATH | O_CLOEXEC));
    if (path) {
      TRY_WITH(domain.allow_path(path.get(), rule.access), "Landlock rule for " + rule.path);
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return fail_errno("open " + rule.path);
    }
  }
  for (const auto& rule : rules.ports) {
    TRY(domain.allow_port(rule.port, rule.access));
  }
  context.landlock = std::move(domain);
  return {};
}

Status Performer::operator()(const plan::EnterLandlock&) const {
  if (!context.landlock) {
    return fail(ErrorCode::kernel, "there is no Landlock ruleset to enter");
  }
  TRY(context.landlock->restrict_self());
  context.landlock.reset();
  return {};
}

// Marked, not closed: the channel must live until execve succeeded, and the kernel closes all of them there.
// The workload outlives its launcher.
Status Performer::operator()(const plan::CloseDescriptors& op) const {
  TRY(sys::set_parent_death_signal(0));
  return sys::set_cloexec_from(3 + op.preserve);
}

Status Performer::operator()(const plan::InstallSeccomp&) const {
  const plan::SeccompPlan& seccomp = *context.plan.seccomp;
  if (seccomp.watch) {
    return install_watched(context.channel, seccomp);
  }
  TRY_ASSIGN(const UniqueFd listener,
             sys::install_seccomp(std::span<const std::uint64_t>(seccomp.filter), seccomp.flags));
  return listener ? context.channel.report(ReportKind::listener, 0, nullptr, listener.get()) : Status{};
}

Status Performer::operator()(const plan::Execute&) const {
  auto argv = c_strings(context.plan.process.args);
  std::vector<std::string> environment = context.plan.process.env;
  if (!context.home.empty()) {
    std::erase(environment, "HOME=");
    environment.push_back(context.home);
  }
  auto envp = c_strings(environment);
  ::execve(context.executable.c_str(), argv.data(), envp.data());
  return fail_errno("exec " + context.executable);
}

}  // namespace nucleus::launch
