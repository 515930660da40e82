// The one list that says in which order the init process does things (architecture.md "The order of the last steps").
#pragma once

#include <string_view>

#include "runtime/plan/plan.hpp"

namespace nucleus::plan {

enum class Phase : std::uint8_t {
  join_namespaces,
  cgroup,
  cgroup_namespace,  // after the process is in its cgroup, which becomes the namespace's root
  identity,          // namespace root, keyring, hostname, loopback
  root,              // propagation and the root mount
  mounts,
  devices,
  working_directory,
  runtime_hooks,
  container_hooks,
  pivot,
  paths,  // masked and read-only paths, read-only root
  sysctls,
  console,
  release,     // every fd that leads outside the root is closed
  executable,  // cwd and argv[0]
  limits,
  wait,  // ready; wait for start
  bounding,
  ids,
  capabilities,
  no_new_privileges,
  label,
  landlock,
  start_hooks,  // programs of the image: with the ids, capabilities and paths of the workload
  descriptors,
  seccomp,
  execute,
};

[[nodiscard]] Phase phase_of(const InitAction& action);
[[nodiscard]] std::string_view phase_name(Phase phase);

// Sorts by phase; the order within a phase is kept.
void arrange(std::vector<InitOp>& ops);

}  // namespace nucleus::plan
