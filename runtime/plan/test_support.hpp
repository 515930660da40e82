// Hand-made inputs for tests of plans: specs, host facts, and lookups in a plan.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "hardening/harden.hpp"
#include "oci/document.hpp"
#include "oci/test_files.hpp"
#include "runtime/base/capability.hpp"
#include "runtime/plan/make_plan.hpp"
#include "runtime/plan/order.hpp"

namespace nucleus::plan::test {

using hardening::Mode;

inline constexpr CgroupLayout kLayouts[] = {CgroupLayout::none, CgroupLayout::v1, CgroupLayout::hybrid,
                                            CgroupLayout::v2};

inline CgroupFacts cgroup_facts(CgroupLayout layout) {
  CgroupFacts facts;
  facts.layout = layout;
  if (layout == CgroupLayout::v1 || layout == CgroupLayout::hybrid) {
    facts.v1 = {{"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/"},
                {"memory", "/sys/fs/cgroup/memory", "/outer"},
                {"name=systemd", "/sys/fs/cgroup/systemd", "/"}};
  }
  if (layout == CgroupLayout::v2) {
    facts.v2_mountpoint = "/sys/fs/cgroup";
    facts.v2_own_path = "/outer";
    facts.v2_controllers = {"cpu", "memory", "pids"};
  }
  return facts;
}

// A root caller on a kernel that has everything.
inline HostFacts host_facts(CgroupLayout layout = CgroupLayout::v2) {
  HostFacts facts;
  facts.landlock_abi = 7;
  facts.capabilities = (CapabilityMask{1} << kCapabilityNames.size()) - 1;
  facts.oom_score_adj = 0;
  facts.rlimits["RLIMIT_NOFILE"] = {1024, 1048576};
  facts.cgroup = cgroup_facts(layout);
  facts.rootfs.path = "/bundle/rootfs";
  facts.rootfs.readable = true;
  facts.rootfs.inside_bundle = true;
  facts.rootfs.top_level = {{"bin", RootEntry::Kind::directory}, {"etc", RootEntry::Kind::directory}};
  return facts;
}

inline oci::Spec minimal_spec() {
  oci::Spec spec;
  spec.oci_version = "1.3.0";
  spec.root.path = "rootfs";
  spec.process.emplace();
  spec.process->args = {"/bin/true"};
  spec.process->cwd = "/";
  spec.process->no_new_privileges = true;
  for (const auto* const type : {"pid", "network", "ipc", "uts", "mount", "cgroup"}) {
    spec.linux.namespaces.push_back({type, "", {}});
  }
  return spec;
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

inline Request request() {
  Request out;
  out.id = "box";
  out.bundle = "/bundle";
  return out;
}

// `spec` as it stands, without a rewrite.
inline Result<LaunchPlan> plan_of(oci::Spec spec, const HostFacts& facts = host_facts(),
                                  const Request& asked = request(), Mode mode = Mode::passthrough,
                                  int landlock_abi = 0) {
  hardening::Hardened hardened;
  hardened.mode = mode;
  hardened.spec = std::move(spec);
  hardened.landlock.abi = landlock_abi;
  if (mode != Mode::passthrough) {
    hardened.egress.emplace();
  }
  return make_plan(hardened, facts, asked);
}

template <class Action>
std::vector<Action> all(const LaunchPlan& plan) {
  std::vector<Action> out;
  for (const InitOp& op : plan.init) {
    if (const auto* action = std::get_if<Action>(&op.action)) {
      out.push_back(*action);
    }
  }
  return out;
}

template <class Action>
std::size_t position(const LaunchPlan& plan) {
  const auto hit =
      std::ranges::find_if(plan.init, [](const InitOp& op) { return std::holds_alternative<Action>(op.action); });
  return static_cast<std::size_t>(hit - plan.init.begin());
}

// One line an operation.
inline std::string text_of(const LaunchPlan& plan) {
  std::string out;
  for (const InitOp& op : plan.init) {
    out += describe(op) + "\n";
  }
  return out;
}

}  // namespace nucleus::plan::test
