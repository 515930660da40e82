// Hand-made inputs for this box's unit tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "hardening/harden.hpp"
#include "hardening/rules/rule.hpp"
#include "runtime/base/capability.hpp"

namespace nucleus::hardening::test {

inline HostFacts root_facts() {
  HostFacts facts;
  facts.landlock_abi = 7;
  facts.capabilities = (CapabilityMask{1} << kCapabilityNames.size()) - 1;
  facts.oom_score_adj = 0;
  facts.rlimits["RLIMIT_NOFILE"] = {1024, 4096};
  facts.namespace_paths["/run/netns/own"] = {true, false};
  facts.namespace_paths["/proc/1/ns/net"] = {true, true};
  facts.thermal_paths = {"/sys/devices/system/cpu/cpu0/thermal_throttle"};
  facts.rootfs.readable = true;
  facts.rootfs.is_mount = true;
  for (const auto* const name : {"app", "bin", "dev", "etc", "proc", "sys", "tmp", "usr", "var"}) {
    facts.rootfs.top_level.push_back({name, RootEntry::Kind::directory});
  }
  return facts;
}

// What an engine that adds nothing of its own would send.
inline oci::Spec plain_spec() {
  oci::Spec spec;
  spec.oci_version = "1.3.0";
  spec.root.path = "rootfs";
  spec.process.emplace();
  spec.process->args = {"/bin/true"};
  spec.process->cwd = "/";
  for (const auto* const type : {"pid", "network", "ipc", "uts", "mount"}) {
    spec.linux.namespaces.push_back({type, "", {}});
  }
  return spec;
}

inline Policy small_policy(const std::vector<std::string>& grants = {}) {
  Policy policy;
  policy.name = "default";
  policy.seccomp.default_action = "SCMP_ACT_ERRNO";
  policy.seccomp.default_errno_ret = 38;
  policy.seccomp.syscalls = {{{"read", "write"}, "SCMP_ACT_ALLOW", {}, {}, {}}};
  for (const auto& text : grants) {
    policy.grants.push_back(parse_grant(text, "command line").value());
  }
  return policy;
}

inline oci::Mount mount_of(std::string destination, std::string type, std::string source,
                           std::vector<std::string> options) {
  oci::Mount mount;
  mount.destination = std::move(destination);
  mount.type = std::move(type);
  mount.source = std::move(source);
  mount.options = std::move(options);
  return mount;
}

// One rule on its own.
struct RuleRun {
  oci::Spec spec;
  Report report;
  Status status;

  [[nodiscard]] std::string error() const { return status ? "" : status.error().text; }
  [[nodiscard]] std::size_t count(FindingKind kind) const {
    return static_cast<std::size_t>(std::ranges::count(report.findings, kind, &Finding::kind));
  }
  [[nodiscard]] bool changed() const { return count(FindingKind::tightened) + count(FindingKind::dropped) > 0; }
};

inline RuleRun run_rule(Status (*rule)(RuleContext&), oci::Spec spec, Mode mode = Mode::agent,
                        const Policy& policy = small_policy(), const HostFacts& facts = root_facts()) {
  RuleRun out{std::move(spec), {}, {}};
  RuleContext context(out.spec, policy, facts, mode, out.report);
  out.status = rule(context);
  return out;
}

}  // namespace nucleus::hardening::test
