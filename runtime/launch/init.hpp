// The launched process's side: performs the plan's operations in order and becomes the workload.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents.hpp"
#include "runtime/launch/wire.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/sys/cgroup.hpp"
#include "runtime/sys/landlock.hpp"
#include "runtime/sys/masking.hpp"
#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/procfs.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::launch {

// What the launcher prepared and the child inherits.
struct InitContext {
  explicit InitContext(const plan::LaunchPlan& launch_plan) : plan(launch_plan) {}

  const plan::LaunchPlan& plan;
  ProcessEnd channel;
  UniqueFd start_listener;                    // `create`: the socket on which `start` comes; empty: the channel says it
  const sys::CgroupHandle* cgroup = nullptr;  // v1: the child moves itself
  std::vector<UniqueFd> join;                 // one per plan.namespaces.join, empty for pid
  std::vector<UniqueFd> detached;             // one per plan.detached
  UniqueFd root;                              // detached clone of the rootfs
  oci::StateDocument hook_state;              // for hooks; the process fills in its pid
  std::function<void()> after_clone;          // in the child, first of all: gives up what is the launcher's
  std::function<Status()> before_start;       // then, with /proc/PID closed: enters a container, or clones mounts
  sys::NamespaceId runtime_network;           // no egress rules are ever put into it
  bool await_id_maps = false;                 // a new user namespace: wait until the launcher wrote the maps

  // Set while running.
  std::optional<sys::ProcHandle> proc;
  std::optional<sys::RootDir> root_dir;
  std::optional<sys::Masker> masker;
  std::optional<sys::Landlock> landlock;
  std::string executable;
  std::string home;      // "HOME=...", unless the environment has one
  bool started = false;  // the channel leads to whoever said start, who does not have the plan
};

// Never returns: ends in execve, or in _exit(1) after reporting the failed operation.
[[noreturn]] void run_init(InitContext& context);

// Sets the plan's OOM score, as far as it may, while /proc/self still is the caller's: once the process is not dumpable,
// its files are root's, and SetOomScore of a user's own container can only look whether it is set.
void apply_oom_score(const plan::LaunchPlan& plan);

// Performs one operation; used by run_init and by the tenant (exec).
[[nodiscard]] Status perform(InitContext& context, const plan::InitOp& op);

}  // namespace nucleus::launch
