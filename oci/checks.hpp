// The checks behind validate(), one function per rule, and what they share. Internal to this box.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "oci/quote.hpp"
#include "oci/spec.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::oci::checks {

// `path: why`. Values of args and env never go in: they may be secrets.
[[nodiscard]] inline tl::unexpected<Error> invalid(std::string_view path, std::string_view why) {
  return fail(ErrorCode::invalid_config, std::string(path) + ": " + std::string(why));
}

[[nodiscard]] inline std::string element(std::string_view list, std::size_t index) {
  return std::string(list) + '[' + std::to_string(index) + ']';
}

[[nodiscard]] inline std::string entry(std::string_view map, std::string_view key) {
  return std::string(map) + '[' + quote(key) + ']';
}

[[nodiscard]] inline bool is_one_of(std::string_view value, std::span<const std::string_view> known) {
  return std::find(known.begin(), known.end(), value) != known.end();
}

// `path: unknown WHAT "value"` unless `value` is in `known`.
[[nodiscard]] Status known_name(std::string_view path, std::string_view what, std::string_view value,
                                std::span<const std::string_view> known);
[[nodiscard]] Status known_names(std::string_view path, std::string_view what, std::span<const std::string> values,
                                 std::span<const std::string_view> known);

// Absolute, no NUL, no `..` component.
[[nodiscard]] Status absolute_path(std::string_view path, std::string_view value);
[[nodiscard]] bool has_dot_dot(std::string_view path);
[[nodiscard]] bool names_root(std::string_view path);  // nothing but slashes and `.` components
[[nodiscard]] bool has_control(std::string_view text);

// cpuset(7) list format: `0-3,8,10-11`; empty is the empty set.
[[nodiscard]] bool is_number_list(std::string_view text);

// What dev_valid_name() of the kernel takes.
[[nodiscard]] bool is_interface_name(std::string_view name);

// Ranges are non-empty, end below 2^32-1 and do not overlap on either side; at most 340 (user_namespaces(7)).
[[nodiscard]] Status id_mappings(std::string_view path, std::span<const IdMapping> mappings);

[[nodiscard]] bool has_namespace(const Spec& spec, std::string_view type);

// ---- config.md ----------------------------------------------------------------------------------------------------
[[nodiscard]] Status oci_version(const Spec& spec);
[[nodiscard]] Status root_path(const Spec& spec);
[[nodiscard]] Status host_names(const Spec& spec);
[[nodiscard]] Status annotations(const Spec& spec);
[[nodiscard]] Status hooks(const Spec& spec);
[[nodiscard]] Status process_present(const Spec& spec);
[[nodiscard]] Status process_args(const Process& process);
[[nodiscard]] Status process_cwd(const Process& process);
[[nodiscard]] Status process_env(const Process& process);
[[nodiscard]] Status process_user(const Process& process);
[[nodiscard]] Status process_capabilities(const Process& process);
[[nodiscard]] Status process_rlimits(const Process& process);
[[nodiscard]] Status process_oom_score(const Process& process);
[[nodiscard]] Status process_scheduler(const Process& process);
[[nodiscard]] Status process_io_priority(const Process& process);
[[nodiscard]] Status process_cpu_affinity(const Process& process);
[[nodiscard]] Status mount_destinations(const Spec& spec);
[[nodiscard]] Status mount_types(const Spec& spec);
[[nodiscard]] Status mount_option_lists(const Spec& spec);
[[nodiscard]] Status mount_id_mappings(const Spec& spec);

// ---- config-linux.md ----------------------------------------------------------------------------------------------
[[nodiscard]] Status namespaces(const Spec& spec);
[[nodiscard]] Status user_mappings(const Spec& spec);
[[nodiscard]] Status time_offsets(const Spec& spec);
[[nodiscard]] Status devices(const Spec& spec);
[[nodiscard]] Status net_devices(const Spec& spec);
[[nodiscard]] Status cgroups_path(const Spec& spec);
[[nodiscard]] Status sysctl(const Spec& spec);
[[nodiscard]] Status rootfs_propagation(const Spec& spec);
[[nodiscard]] Status path_lists(const Spec& spec);
[[nodiscard]] Status personality(const Spec& spec);
[[nodiscard]] Status memory_policy(const Spec& spec);
[[nodiscard]] Status intel_rdt(const Spec& spec);
[[nodiscard]] Status seccomp_actions(const Seccomp& seccomp);
[[nodiscard]] Status seccomp_names(const Seccomp& seccomp);
[[nodiscard]] Status seccomp_arguments(const Seccomp& seccomp);
[[nodiscard]] Status seccomp_listener(const Seccomp& seccomp);
[[nodiscard]] Status resource_devices(const Resources& resources);
[[nodiscard]] Status resource_memory(const Resources& resources);
[[nodiscard]] Status resource_cpu(const Resources& resources);
[[nodiscard]] Status resource_pids(const Resources& resources);
[[nodiscard]] Status resource_block_io(const Resources& resources);
[[nodiscard]] Status resource_hugepages(const Resources& resources);
[[nodiscard]] Status resource_network(const Resources& resources);
[[nodiscard]] Status resource_rdma(const Resources& resources);
[[nodiscard]] Status resource_unified(const Resources& resources);

}  // namespace nucleus::oci::checks
