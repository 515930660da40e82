// The launcher: interprets a LaunchPlan. Parent's side; the child's side is init.hpp.
#pragma once

#include <string>

#include "hardening/confinement.hpp"
#include "runtime/base/container_id.hpp"
#include "runtime/base/result.hpp"
#include "runtime/launch/container.hpp"
#include "runtime/launch/wire.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/state/store.hpp"

namespace nucleus::launch {

// Everything a launch needs; plain data decided beforehand.
struct LaunchInput {
  const plan::LaunchPlan& plan;
  const hardening::Confinement& confinement;
  const HostFacts& facts;
  std::string bundle;     // absolute path
  std::string original;   // config.json as read
  std::string rewritten;  // config.json as executed
  std::map<std::string, std::string> annotations;
};

struct LaunchOptions {
  std::string pid_file;
  std::string console_socket;  // where a terminal's master goes; "": the caller relays (run, exec)
  bool keep_channel = false;   // run: start over the launch channel instead of a socket in the state directory
};

// A container that is set up and waits for its start.
struct Launched {
  Container container;  // directory still locked
  UniqueFd console;     // the terminal's master when no console socket took it
  LauncherEnd channel;  // with keep_channel
};

// On failure nothing is left: no process, mount, cgroup or state. Error texts name the failed operation.
[[nodiscard]] Result<Launched> create_container(const LaunchInput& input, const state::Store& store,
                                                const LaunchOptions& options);

// Lets a created container go on: over its start socket (`start`) or over `channel` (`run`). Takes the receipt between
// execve and the first instruction, then gives up the lock and runs the poststart hooks. On failure the process is dead.
[[nodiscard]] Status start_container(Container& container);
[[nodiscard]] Status start_container(Container& container, const LauncherEnd& channel);

}  // namespace nucleus::launch
