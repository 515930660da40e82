// checkpoint: the image of a running container, by criu.
#pragma once

#include <string>

#include "runtime/launch/container.hpp"
#include "runtime/plan/criu.hpp"

namespace nucleus::launch {

struct CheckpointOptions {
  plan::DumpPlan plan;  // the choices of the command line; the rest is filled in here
  std::string criu;     // --criu
};

// Writes the image, then deletes the container unless it stays running. What fails leaves it as it was. The image has
// what is in memory and in the container's own tmpfs, not the root file system: what was written to an ephemeral one is
// lost, and said so. Errors: ErrorCode::state for one that does not run, or has a terminal.
[[nodiscard]] Status checkpoint_container(const state::Store& store, const ContainerId& id,
                                          const CheckpointOptions& options);

}  // namespace nucleus::launch
