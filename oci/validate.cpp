#include "oci/validate.hpp"

#include <array>

#include "oci/checks.hpp"

namespace nucleus::oci {
namespace {

using ProcessRule = Status (*)(const Process&);
using SeccompRuleCheck = Status (*)(const Seccomp&);
using ResourceRule = Status (*)(const Resources&);

// Lifts a rule about one part to a rule about the Spec; an absent part breaks no rule.
template <ProcessRule kRule>
Status on_process(const Spec& spec) {
  return spec.process ? kRule(*spec.process) : Status{};
}
template <SeccompRuleCheck kRule>
Status on_seccomp(const Spec& spec) {
  return spec.linux.seccomp ? kRule(*spec.linux.seccomp) : Status{};
}
template <ResourceRule kRule>
Status on_resources(const Spec& spec) {
  return spec.linux.resources ? kRule(*spec.linux.resources) : Status{};
}

constexpr std::array<ProcessRule, 10> kProcessRules = {
    checks::process_args,         checks::process_cwd,         checks::process_env,       checks::process_user,
    checks::process_capabilities, checks::process_rlimits,     checks::process_oom_score, checks::process_scheduler,
    checks::process_io_priority,  checks::process_cpu_affinity};

constexpr std::array kSpecChecks = {
    Check{"ociVersion", "config.md#specification-version", checks::oci_version},
    Check{"root.path", "config.md#root", checks::root_path},
    Check{"hostname", "config.md#hostname", checks::host_names},
    Check{"process", "runtime.md#start", checks::process_present},
    Check{"process.args", "config.md#process", on_process<checks::process_args>},
    Check{"process.cwd", "config.md#process", on_process<checks::process_cwd>},
    Check{"process.env", "config.md#process", on_process<checks::process_env>},
    Check{"process.user", "config.md#posix-platform-user", on_process<checks::process_user>},
    Check{"process.capabilities", "config.md#linux-process", on_process<checks::process_capabilities>},
    Check{"process.rlimits", "config.md#posix-process", on_process<checks::process_rlimits>},
    Check{"process.oomScoreAdj", "config.md#linux-process", on_process<checks::process_oom_score>},
    Check{"process.scheduler", "config.md#linux-process", on_process<checks::process_scheduler>},
    Check{"process.ioPriority", "config.md#linux-process", on_process<checks::process_io_priority>},
    Check{"process.execCPUAffinity", "config.md#linux-process", on_process<checks::process_cpu_affinity>},
    Check{"mounts.destination", "config.md#mounts", checks::mount_destinations},
    Check{"mounts.type", "config.md#mounts", checks::mount_types},
    Check{"mounts.options", "config.md#linux-mount-options", checks::mount_option_lists},
    Check{"mounts.uidMappings", "config.md#posix-platform-mounts", checks::mount_id_mappings},
    Check{"hooks", "config.md#posix-platform-hooks", checks::hooks},
    Check{"annotations", "config.md#annotations", checks::annotations},
    Check{"linux.namespaces", "config-linux.md#namespaces", checks::namespaces},
    Check{"linux.uidMappings", "config-linux.md#user-namespace-mappings", checks::user_mappings},
    Check{"linux.timeOffsets", "config-linux.md#offset-for-time-namespace", checks::time_offsets},
    Check{"linux.devices", "config-linux.md#devices", checks::devices},
    Check{"linux.netDevices", "config-linux.md#network-devices", checks::net_devices},
    Check{"linux.cgroupsPath", "config-linux.md#cgroups-path", checks::cgroups_path},
    Check{"linux.resources.devices", "config-linux.md#allowed-device-list", on_resources<checks::resource_devices>},
    Check{"linux.resources.memory", "config-linux.md#memory", on_resources<checks::resource_memory>},
    Check{"linux.resources.cpu", "config-linux.md#cpu", on_resources<checks::resource_cpu>},
    Check{"linux.resources.pids", "config-linux.md#pids", on_resources<checks::resource_pids>},
    Check{"linux.resources.blockIO", "config-linux.md#block-io", on_resources<checks::resource_block_io>},
    Check{"linux.resources.hugepageLimits", "config-linux.md#huge-page-limits",
          on_resources<checks::resource_hugepages>},
    Check{"linux.resources.network", "config-linux.md#network", on_resources<checks::resource_network>},
    Check{"linux.resources.rdma", "config-linux.md#rdma", on_resources<checks::resource_rdma>},
    Check{"linux.resources.unified", "config-linux.md#unified", on_resources<checks::resource_unified>},
    Check{"linux.sysctl", "config-linux.md#sysctl", checks::sysctl},
    Check{"linux.seccomp.actions", "config-linux.md#seccomp", on_seccomp<checks::seccomp_actions>},
    Check{"linux.seccomp.names", "config-linux.md#seccomp", on_seccomp<checks::seccomp_names>},
    Check{"linux.seccomp.args", "config-linux.md#seccomp", on_seccomp<checks::seccomp_arguments>},
    Check{"linux.seccomp.listenerPath", "config-linux.md#seccomp", on_seccomp<checks::seccomp_listener>},
    Check{"linux.rootfsPropagation", "config-linux.md#rootfs-mount-propagation", checks::rootfs_propagation},
    Check{"linux.maskedPaths", "config-linux.md#masked-paths", checks::path_lists},
    Check{"linux.personality", "config-linux.md#personality", checks::personality},
    Check{"linux.memoryPolicy", "config-linux.md#memory-policy", checks::memory_policy},
    Check{"linux.intelRdt", "config-linux.md#intelrdt", checks::intel_rdt},
};

constexpr std::array<ResourceRule, 9> kResourceRules = {
    checks::resource_devices, checks::resource_memory,   checks::resource_cpu,
    checks::resource_pids,    checks::resource_block_io, checks::resource_hugepages,
    checks::resource_network, checks::resource_rdma,     checks::resource_unified};

constexpr std::array<SeccompRuleCheck, 4> kSeccompRules = {checks::seccomp_actions, checks::seccomp_names,
                                                           checks::seccomp_arguments, checks::seccomp_listener};

template <class Rules, class Value>
Status run_all(const Rules& rules, const Value& value) {
  for (const auto rule : rules) {
    TRY(rule(value));
  }
  return {};
}

}  // namespace

std::span<const Check> spec_checks() { return kSpecChecks; }

Status validate(const Spec& spec) {
  for (const Check& check : kSpecChecks) {
    TRY(check.run(spec));
  }
  return {};
}

Status validate(const Process& process) { return run_all(kProcessRules, process); }

Status validate(const Resources& resources) { return run_all(kResourceRules, resources); }

Status validate(const Seccomp& seccomp) { return run_all(kSeccompRules, seccomp); }

}  // namespace nucleus::oci
