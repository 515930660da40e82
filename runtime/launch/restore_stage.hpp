// Where criu restores: a mount namespace of its own in which the container's root and bind mounts lie ready, made of the
// plan as for a launch, in the container's cgroup.
#pragma once

#include <string>
#include <vector>

#include "runtime/launch/init.hpp"
#include "runtime/launch/restored.hpp"
#include "runtime/plan/criu.hpp"
#include "runtime/sys/namespaces.hpp"

namespace nucleus::launch {

// What only the child sees, told to the runtime as these bytes.
struct StageFacts {
  FileIdentity root;
  sys::NamespaceId mounts;
  sys::NamespaceId cgroup;
};

// `directory` is an empty one of the state directory, on which the stage is mounted.
[[nodiscard]] std::string stage_root(const std::string& directory);
// The plan's bind mounts, masks and devices as criu is told of them. Pure.
[[nodiscard]] std::vector<plan::ExternalMount> stage_mounts(const plan::LaunchPlan& plan, const std::string& directory);

// Whether the container has a cgroup namespace of its own.
[[nodiscard]] bool separates_cgroup(const plan::LaunchPlan& plan);

// In the child that becomes criu, born in a new mount namespace. `context` has the plan, the prepared trees and the
// cgroup; `facts` is the pipe.
[[nodiscard]] Status set_stage(InitContext& context, const std::string& directory, int facts);

}  // namespace nucleus::launch
