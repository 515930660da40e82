// A container as found on disk and in the kernel: its record and its derived status.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/container_id.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/state/store.hpp"
#include "runtime/sys/cgroup.hpp"

namespace nucleus::launch {

enum class ContainerStatus : std::uint8_t { creating, created, running, paused, stopped };

[[nodiscard]] std::string_view status_name(ContainerStatus status);

struct Container {
  state::Directory directory;
  state::Record record;
  ContainerStatus status = ContainerStatus::stopped;
  UniqueFd pidfd;  // of init; empty when it is gone

  [[nodiscard]] bool alive() const { return static_cast<bool>(pidfd); }
};

enum class Locking : std::uint8_t { wait, none };

// ErrorCode::not_found "container does not exist".
[[nodiscard]] Result<Container> find_container(const state::Store& store, const ContainerId& id, Locking locking);

// The document of `state`, and of hooks. Status `creating` counts as it is written in runtime.md.
[[nodiscard]] std::string state_json(const Container& container, std::string_view status);
[[nodiscard]] std::string hook_state(const state::Record& record, std::string_view status, int pid);

[[nodiscard]] std::vector<sys::CgroupDirectory> cgroup_directories(const state::Record& record);

// Sends `signal` to init, or with `all` to every process of the container's cgroups.
[[nodiscard]] Status signal_container(const Container& container, int signal, bool all);

// Host pids of the container's processes, init first.
[[nodiscard]] Result<std::vector<int>> container_processes(const Container& container);

struct DeleteOptions {
  bool force = false;  // kill what runs; a missing container is no error
};
// Kills (created, or anything with force), removes cgroups and state, runs poststop hooks. With force the kill does not
// wait for another command that holds the container, and the rest does so for half a minute.
[[nodiscard]] Status delete_container(const state::Store& store, const ContainerId& id, const DeleteOptions& options);

}  // namespace nucleus::launch
