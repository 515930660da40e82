#include "runtime/cli/pipeline.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "hardening/annotations.hpp"
#include "hardening/attestation.hpp"
#include "hardening/mount_kind.hpp"
#include "hardening/policy_replace.hpp"
#include "hardening/seccomp_compile.hpp"
#include "hardening/seccomp_evaluator.hpp"
#include "hardening/seccomp_gate.hpp"
#include "oci/document.hpp"
#include "runtime/base/log.hpp"
#include "runtime/sys/lockdown.hpp"
#include "runtime/sys/probe.hpp"

namespace nucleus::cli {
namespace {

using hardening::Mode;

Result<hardening::Selection> choose(const hardening::HostConfig& host, const Arguments& arguments,
                                    const oci::Bundle& bundle) {
  const hardening::CommandLineChoice choice{arguments.get("mode"), arguments.get("policy"), arguments.all("grant")};
  std::string id;
  if (!arguments.rest.empty()) {
    TRY_ASSIGN(const auto checked, container_id(arguments));
    id = checked.str();
  }
  return hardening::select(host, choice, bundle.spec.annotations, {id, bundle.path});
}

bool follows_names(const hardening::Policy& policy) {
  return policy.egress.has_names() ||
         std::ranges::count(policy.grants, hardening::GrantKind::egress, &hardening::Grant::kind) != 0;
}

Result<HostFacts> probe(const oci::Bundle& bundle, const hardening::Policy& policy) {
  sys::ProbeRequest request;
  request.rootfs = oci::rootfs_path(bundle);
  request.bundle = bundle.path;
  request.nameservers = follows_names(policy);
  for (const auto& entry : bundle.spec.linux.namespaces) {
    if (!entry.path.empty()) {
      request.namespaces.emplace_back(entry.type, entry.path);
    }
  }
  for (const auto& mount : bundle.spec.mounts) {
    if (hardening::mount_kind(mount) != hardening::MountKind::bind) {
      continue;
    }
    const bool relative = !mount.source.empty() && mount.source.front() != '/';
    request.binds.emplace_back(mount.source, relative ? bundle.path + "/" + mount.source : mount.source);
  }
  return sys::probe_host(request);
}

std::vector<std::uint64_t> words_of(const std::vector<sock_filter>& code) {
  std::vector<std::uint64_t> out(code.size());
  static_assert(sizeof(sock_filter) == sizeof(std::uint64_t));
  std::memcpy(out.data(), code.data(), code.size() * sizeof(sock_filter));
  return out;
}

Result<plan::SeccompPlan> compile(const oci::Seccomp& profile, Mode mode) {
  TRY_ASSIGN(const auto compiled, mode == Mode::passthrough ? hardening::compile_with_libseccomp(profile)
                                                            : hardening::compile_native(profile));
  for (const auto& name : compiled.unknown_names) {
    log_debug("seccomp: unknown system call " + name + " ignored");
  }
  plan::SeccompPlan out;
  out.flags = compiled.flags;
  out.filter = words_of(compiled.code);
  if (compiled.uses_notify) {
    out.listener_path = profile.listener_path;
    out.listener_metadata = profile.listener_metadata;
  }
  return out;
}

Result<std::optional<hardening::SeccompWatch>> choose_watch(const hardening::HostConfig& host,
                                                            const Arguments& arguments, const oci::Spec& spec,
                                                            Mode mode) {
  TRY_ASSIGN(const std::string file, absolute_path(arguments.get("seccomp-trace")));
  TRY_ASSIGN(auto selection,
             hardening::select_watch(host, {file, arguments.get("seccomp-learn"), arguments.has("seccomp-denials")},
                                     spec.annotations, mode));
  for (const auto& warning : selection.warnings) {
    log_warning(warning);
  }
  return std::move(selection.watch);
}

// The listener of a gate comes over the very channel that its filter is about to guard.
bool may_send(const std::vector<sock_filter>& code) {
  seccomp_data data{};
  data.nr = SYS_sendmsg;
  data.arch = AUDIT_ARCH_X86_64;
  return hardening::evaluate(code, data) == SECCOMP_RET_ALLOW;
}

Status plan_watch(const hardening::SeccompWatch& watch, plan::SeccompPlan& seccomp) {
  if (!seccomp.listener_path.empty() || (seccomp.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0) {
    return fail(ErrorCode::policy,
                "seccomp: a profile with SCMP_ACT_NOTIFY has a listener of its own and cannot be watched");
  }
  std::vector<sock_filter> code(seccomp.filter.size());
  std::memcpy(code.data(), seccomp.filter.data(), seccomp.filter.size() * sizeof(sock_filter));
  if (watch.soft()) {
    if (!may_send(code)) {
      return fail(ErrorCode::policy, "seccomp: a policy that denies sendmsg cannot be watched");
    }
    TRY_ASSIGN(const auto gated, hardening::gate(code, watch.trace ? hardening::Gate::open : hardening::Gate::notify));
    seccomp.gate = words_of(gated);
  }
  seccomp.watch = watch;
  return {};
}

hardening::Finding watch_finding(const hardening::SeccompWatch& watch) {
  return {hardening::FindingKind::note, "seccomp", "/linux/seccomp", "", "", "", hardening::describe(watch)};
}

Status check_lockdown(const hardening::HostConfig& host, Mode mode) {
  const std::string level = sys::kernel_lockdown();
  if (mode == Mode::passthrough || sys::locks_down(level, host.lockdown)) {
    return {};
  }
  return fail(ErrorCode::policy, "kernel lockdown is \"" + level + "\", the host configuration wants lockdown = \"" +
                                     host.lockdown + "\": boot with lockdown=" + host.lockdown);
}

Result<std::shared_ptr<const hardening::Attestation>> find_attestation(const hardening::HostConfig& host,
                                                                       const hardening::Policy& policy,
                                                                       const hardening::Selection& selection,
                                                                       const Arguments& arguments,
                                                                       const oci::Bundle& bundle) {
  hardening::AttestationRequest request;
  request.mode = selection.mode;
  request.command_line = arguments.get("attest");
  const auto& annotations = bundle.spec.annotations;
  const auto asked = annotations.find(std::string(hardening::kAttestAnnotation));
  request.annotation = asked == annotations.end() ? "" : asked->second;
  request.annotations_may_choose = host.annotations_may_grant;
  request.host = host.attestation;
  request.policy = policy.attestation_settings;
  request.bundle = bundle.path;
  request.rootfs = oci::rootfs_path(bundle);
  return hardening::find_attestation(request);
}

}  // namespace

Result<std::string> absolute_path(const std::string& path) {
  std::error_code error;
  const auto whole = path.empty() ? std::filesystem::path() : std::filesystem::absolute(path, error);
  return error ? Result<std::string>(fail_errno("getcwd", error.value())) : whole.lexically_normal().string();
}

Result<Decision> decide(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(auto host, hardening::load_host_config(globals.config));
  TRY_ASSIGN(auto bundle, oci::load_bundle(arguments.get("bundle", ".")));
  TRY_ASSIGN(auto selection, choose(host, arguments, bundle));
  for (const auto& warning : selection.warnings) {
    log_warning(warning);
  }
  TRY(check_lockdown(host, selection.mode));
  TRY_ASSIGN(const auto files, hardening::select_policy_files(host, arguments.all("policy-file"),
                                                              bundle.spec.annotations, selection.mode));
  TRY_ASSIGN(auto policy, hardening::load_policy_with(selection.policy, host.policy_dirs, files, selection.mode));
  TRY_ASSIGN(policy.attestation, find_attestation(host, policy, selection, arguments, bundle));
  policy.grants.insert(policy.grants.end(), selection.grants.begin(), selection.grants.end());
  TRY_ASSIGN(HostFacts facts, probe(bundle, policy));
  TRY_ASSIGN(auto hardened, hardening::harden(bundle.spec, policy, facts, selection.mode));
  hardened.report.mode_origin = std::move(selection.mode_origin);
  hardened.report.policy_origin = std::move(selection.policy_origin) + hardening::describe(files);
  std::string rewritten = oci::rewrite_document(bundle.config, hardened.spec);
  TRY_ASSIGN(auto watch, choose_watch(host, arguments, bundle.spec, hardened.mode));
  if (watch) {
    hardened.report.findings.push_back(watch_finding(*watch));
  }
  return Decision{std::move(bundle),    std::move(policy), std::move(facts),       std::move(hardened),
                  std::move(rewritten), std::move(watch),  std::move(host.receipt)};
}

Result<plan::LaunchPlan> plan_launch(const Decision& decision, const plan::Request& request) {
  TRY_ASSIGN(auto plan, plan::make_plan(decision.hardened, decision.facts, request));
  if (const auto& profile = decision.hardened.spec.linux.seccomp) {
    TRY_ASSIGN(plan.seccomp, compile(*profile, decision.hardened.mode));
    TRY(decision.watch ? plan_watch(*decision.watch, *plan.seccomp) : Status{});
  } else if (decision.watch && (decision.watch->trace || decision.watch->learn > 0)) {
    return fail(ErrorCode::policy, "seccomp: without a filter (seccomp-unconfined) there is nothing to watch");
  }
  TRY(plan::check_invariants(plan));
  return plan;
}

}  // namespace nucleus::cli
