#include "runtime/cli/bundle_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "runtime/base/log.hpp"
#include "runtime/cli/listen_fds.hpp"
#include "runtime/cli/places.hpp"
#include "runtime/launch/descriptors.hpp"
#include "runtime/launch/sealed_self.hpp"

namespace nucleus::cli {
namespace {

Status refuse_unsupported(const Arguments& arguments) {
  if (arguments.has("no-pivot")) {
    return fail(ErrorCode::usage, "--no-pivot is refused: without pivot_root the host's root stays reachable");
  }
  return {};
}

// Without a cgroup neither the config's limits hold nor ours. Passthrough leaves that to the caller, as crun does.
Status check_cgroups(const Globals& globals, const Decision& decision) {
  const hardening::Mode mode = decision.hardened.mode;
  const auto reaction = hardening::reaction(mode, hardening::Control::cgroup_limits);
  const bool none = globals.no_cgroups || decision.facts.cgroup.layout == CgroupLayout::none;
  if (!none || mode == hardening::Mode::passthrough || reaction == hardening::Reaction::off) {
    return {};
  }
  const std::string why = globals.no_cgroups ? "--cgroup-manager disabled (podman's --cgroups=disabled)"
                                             : "no cgroups are mounted on this host";
  if (reaction == hardening::Reaction::fail) {
    return fail(ErrorCode::policy,
                why + ": mode " + std::string(hardening::mode_name(mode)) + " needs a cgroup for its limits");
  }
  log_warning(why + ": nothing limits processes, memory or CPU");
  return {};
}

// Where it is a failure, the rewrite refused it.
void warn_of_less_landlock(const Decision& decision) {
  const int abi = decision.hardened.landlock.abi;
  const int wanted = decision.policy.landlock.min_abi;
  if (abi >= wanted ||
      hardening::reaction(decision.hardened.mode, hardening::Control::landlock) != hardening::Reaction::warn) {
    return;
  }
  log_warning(abi == 0 ? "this kernel has no Landlock: nothing is enforced by it"
                       : "this kernel's Landlock has ABI " + std::to_string(abi) + ", policy " + decision.policy.name +
                             " wants " + std::to_string(wanted) + ": what there is, is enforced");
}

// Before a mount or a cgroup fails for it. runc's words, which engines know.
Status check_privilege(const oci::Spec& spec) {
  const auto& namespaces = spec.linux.namespaces;
  const bool own_user = std::any_of(namespaces.begin(), namespaces.end(),
                                    [](const oci::Namespace& entry) { return entry.type == "user"; });
  if (::geteuid() != 0 && !own_user) {
    return fail(ErrorCode::usage,
                "rootless container requires user namespaces: run as root, or give config.json a "
                "namespace of type user with mappings");
  }
  return {};
}

void warn_dropped(const hardening::Report& report) {
  for (const auto& finding : report.findings) {
    if (finding.kind == hardening::FindingKind::dropped) {
      log_warning(describe(finding));
    }
  }
}

Status check_console(const Arguments& arguments, const plan::LaunchPlan& plan, bool foreground) {
  const bool socket = arguments.has("console-socket");
  if (plan.process.terminal && !socket && !foreground) {
    return fail(ErrorCode::usage, "cannot allocate tty if runc will detach without setting console socket");
  }
  if (!plan.process.terminal && socket) {
    return fail(ErrorCode::usage, "cannot use console socket if runc will not detach or allocate tty");
  }
  return {};
}

}  // namespace

launch::LaunchInput Prepared::input() const {
  return {plan,
          confinement,
          decision.facts,
          decision.bundle.path,
          decision.bundle.config,
          decision.rewritten,
          decision.hardened.spec.annotations};
}

Result<std::unique_ptr<const Prepared>> prepare_launch(const Globals& globals, const Arguments& arguments,
                                                       bool foreground) {
  TRY(refuse_unsupported(arguments));
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(const long preserve, arguments.number("preserve-fds", 0, 0, 1024));
  const unsigned listen = listen_descriptors(std::getenv("LISTEN_FDS"), std::getenv("LISTEN_PID"), ::getpid());
  const unsigned kept = listen + static_cast<unsigned>(preserve);
  TRY(launch::sanitize_descriptors(kept));
  TRY_ASSIGN(auto decision, decide(globals, arguments));
  if (decision.hardened.landlock.abi == 0) {
    TRY(launch::ensure_sealed_self(globals.argv));
  }
  TRY(check_privilege(decision.hardened.spec));
  TRY(check_cgroups(globals, decision));
  plan::Request request;
  request.id = id.str();
  request.state_root = globals.store().root();
  request.bundle = decision.bundle.path;
  request.preserve_fds = kept;
  request.listen_fds = listen;
  request.no_cgroups = globals.no_cgroups;
  request.systemd_cgroup = globals.systemd_cgroup;
  request.asks_limits = plan::asks_limits(decision.bundle.spec);
  request.no_new_keyring = arguments.has("no-new-keyring");
  TRY_ASSIGN(auto plan, plan_launch(decision, request));
  TRY(check_console(arguments, plan, foreground));
  warn_dropped(decision.hardened.report);
  warn_of_less_landlock(decision);

  hardening::Confinement confinement;
  confinement.mode = decision.hardened.mode;
  confinement.policy = decision.policy;
  confinement.landlock = decision.hardened.landlock;
  confinement.seccomp_flags = plan.seccomp ? plan.seccomp->flags : 0;
  confinement.ephemeral_root = decision.hardened.ephemeral_root;
  confinement.receipt = decision.receipt;
  return std::make_unique<const Prepared>(Prepared{std::move(decision), std::move(plan), std::move(confinement)});
}

Result<launch::Launched> create_from_bundle(const Globals& globals, const Arguments& arguments, bool keep_channel) {
  TRY_ASSIGN(const auto prepared, prepare_launch(globals, arguments, keep_channel && !arguments.has("detach")));
  const launch::LaunchOptions options{arguments.get("pid-file"), arguments.get("console-socket"), keep_channel};
  TRY(prepare_root(globals.root));
  return launch::create_container(prepared->input(), globals.store(), options);
}

}  // namespace nucleus::cli
