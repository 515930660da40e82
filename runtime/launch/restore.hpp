// restore: a container made of a criu image, confined by its own config.
#pragma once

#include <string>

#include "runtime/launch/launch.hpp"
#include "runtime/plan/criu.hpp"

namespace nucleus::launch {

struct RestoreOptions {
  plan::CriuChoices choices;  // paths absolute
  std::string criu;           // --criu
  std::string pid_file;
  std::string lsm_profile;
  std::string lsm_mount_context;
};

// The tree is restored stopped, in the container's cgroup; every thread of it is judged by the config before it goes on.
// What is less confined than the config is killed: an image cannot widen anything. Landlock domains are beyond criu: agent
// mode says so, strict-agent and production refuse. On failure nothing is left: no process, mount, cgroup or state.
// The result runs; its init is a child of the caller.
[[nodiscard]] Result<Container> restore_container(const LaunchInput& input, const state::Store& store,
                                                  const RestoreOptions& options);

}  // namespace nucleus::launch
