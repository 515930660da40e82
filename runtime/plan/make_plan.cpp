#include "runtime/plan/make_plan.hpp"

#include "hardening/namespaced_sysctl.hpp"
#include "runtime/plan/order.hpp"
#include "runtime/plan/parts.hpp"

namespace nucleus::plan {
namespace {

using hardening::Control;
using hardening::Reaction;

// Typed and validated, but not carried out by this version: saying nothing would leave a control off in silence.
Status refuse_unsupported(const oci::Spec& spec) {
  if (spec.linux.intel_rdt) {
    return fail(ErrorCode::invalid_config, "linux.intelRdt: not supported by this version");
  }
  if (!spec.linux.net_devices.empty()) {
    return fail(ErrorCode::invalid_config, "linux.netDevices: not supported by this version");
  }
  return {};
}

// Every config is held to runc's rule, that a sysctl is the container's own; past the rewrite only a grant lifts it.
Status plan_sysctls(PlanContext& context) {
  const bool rewritten = context.hardened.mode != hardening::Mode::passthrough;
  for (const auto& [name, value] : context.spec.linux.sysctl) {
    if (!rewritten && !hardening::is_namespaced_sysctl(context.spec, context.facts, name)) {
      return fail(ErrorCode::invalid_config, "sysctl \"" + name + "\" is not in a separate kernel namespace");
    }
    context.add(WriteSysctl{name, value});
  }
  return {};
}

void plan_hooks(PlanContext& context) {
  const oci::Hooks& hooks = context.spec.hooks;
  context.plan.hooks = hooks;
  if (!hooks.prestart.empty() || !hooks.create_runtime.empty()) {
    context.add(RuntimeHooks{});
  }
  if (!hooks.create_container.empty()) {
    context.add(ContainerHooks{});
  }
  if (!hooks.start_container.empty()) {
    context.add(StartHooks{});
  }
}

void plan_process(PlanContext& context) {
  const oci::Process& process = *context.spec.process;
  if (process.terminal) {
    const oci::ConsoleSize size = process.console_size.value_or(oci::ConsoleSize{});
    context.add(OpenConsole{size.height, size.width, true});
  } else {
    context.add(ReopenNull{});
  }
  context.add(EnsureDirectory{process.cwd}, Reaction::warn);
  context.add(ReleaseSetup{});
  context.add(EnterDirectory{process.cwd});
  context.add(ResolveExecutable{});
  plan_limits(context.plan.init, process, context.hardened.mode);
  if (context.spec.linux.personality) {
    context.add(SetPersonality{*context.spec.linux.personality});
  }
  if (context.spec.linux.memory_policy) {
    context.add(SetMemoryPolicy{*context.spec.linux.memory_policy});
  }
  context.add(WaitForStart{});
  plan_confinement(context.plan.init, context.spec, process, context.hardened.landlock, context.hardened.mode,
                   context.request.preserve_fds);
}

// sd_listen_fds(3). The program is process 1 of its pid namespace; runc says 1 in every case.
void tell_listen_fds(std::vector<std::string>& env, unsigned count) {
  if (count == 0) {
    return;
  }
  std::erase_if(env, [](const std::string& entry) {
    return entry.starts_with("LISTEN_FDS=") || entry.starts_with("LISTEN_PID=") || entry.starts_with("LISTEN_FDNAMES=");
  });
  env.push_back("LISTEN_FDS=" + std::to_string(count));
  env.emplace_back("LISTEN_PID=1");
}

}  // namespace

void plan_paths(PlanContext& context) {
  const Reaction on_failure =
      context.hardened.mode == hardening::Mode::passthrough ? Reaction::fail : context.on(Control::mount_state);
  for (const auto& path : context.spec.linux.readonly_paths) {
    context.add(ReadonlyPath{path}, on_failure);
  }
  for (const auto& path : context.spec.linux.masked_paths) {
    context.add(MaskPath{path}, on_failure);
  }
  if (context.spec.root.readonly) {
    context.add(ReadonlyRoot{});
  }
}

Result<LaunchPlan> make_plan(const hardening::Hardened& hardened, const HostFacts& facts, const Request& request) {
  LaunchPlan plan;
  plan.mode = hardened.mode;
  plan.id = request.id;
  plan.preserve_fds = request.preserve_fds;
  plan.landlock = hardened.landlock;
  const oci::Spec& spec = hardened.spec;
  if (!spec.process) {
    return fail(ErrorCode::invalid_config, "process: missing; a container needs a program");
  }
  plan.process = *spec.process;
  tell_listen_fds(plan.process.env, request.listen_fds);
  TRY(refuse_unsupported(spec));
  PlanContext context{spec, hardened, facts, request, plan};
  TRY(plan_namespaces(context));
  plan_egress(context);
  TRY(plan_cgroup(context));
  TRY(plan_rootfs(context));
  TRY(plan_mounts(context));
  plan_devices(context);
  plan_hooks(context);
  plan_paths(context);
  TRY(plan_sysctls(context));
  plan_process(context);
  arrange(plan.init);
  return plan;
}

LaunchPlan make_tenant_plan(const oci::Spec& spec, const oci::Process& process,
                            const hardening::LandlockRuleset& landlock, hardening::Mode mode, const Request& request) {
  LaunchPlan plan;
  plan.mode = mode;
  plan.id = request.id;
  plan.preserve_fds = request.preserve_fds;
  plan.landlock = landlock;
  plan.process = process;
  if (!request.no_new_keyring) {
    plan.init.push_back({NewSessionKeyring{"_ses." + request.id}, Reaction::warn});
  }
  if (process.terminal) {
    const oci::ConsoleSize size = process.console_size.value_or(oci::ConsoleSize{});
    plan.init.push_back({OpenConsole{size.height, size.width, false}, Reaction::fail});
  }
  // Before any path of the container is followed: /proc/self/fd/N of the state directory leads to the host's programs.
  plan.init.push_back({ReleaseSetup{}, Reaction::fail});
  plan.init.push_back({EnterDirectory{process.cwd}, Reaction::fail});
  plan.init.push_back({ResolveExecutable{}, Reaction::fail});
  plan_limits(plan.init, process, mode);
  plan_confinement(plan.init, spec, process, landlock, mode, request.preserve_fds);
  arrange(plan.init);
  return plan;
}

}  // namespace nucleus::plan
