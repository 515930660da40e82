#include "runtime/launch/container.hpp"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "oci/documents.hpp"
#include "runtime/base/log.hpp"
#include "runtime/launch/egress.hpp"
#include "runtime/launch/egress_names.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/freeze.hpp"
#include "runtime/launch/hooks.hpp"
#include "runtime/launch/watch.hpp"
#include "runtime/sys/cgroup.hpp"
#include "runtime/sys/pid_namespace.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/sys/systemd.hpp"

namespace nucleus::launch {
namespace {

sys::CgroupHandle cgroup_of(const state::Record& record) { return sys::CgroupHandle::open(cgroup_directories(record)); }

ContainerStatus derive_status(const Container& container) {
  const state::Record& record = container.record;
  if (record.pid == 0) {
    return ContainerStatus::creating;
  }
  if (!container.alive()) {
    return ContainerStatus::stopped;
  }
  if (is_frozen(record)) {
    return ContainerStatus::paused;
  }
  return container.directory.has(state::kStartSocket) ? ContainerStatus::created : ContainerStatus::running;
}

// A handle on init if it is still the process that the record means.
UniqueFd open_init(const state::Record& record) {
  if (record.pid <= 0) {
    return {};
  }
  auto handle = sys::pidfd_open(record.pid);
  if (!handle || !sys::process_alive(record.pid, record.start_time)) {
    return {};
  }
  return std::move(*handle);
}

oci::StateDocument document(const state::Record& record, std::string_view status, int pid) {
  oci::StateDocument out;
  out.id = record.id;
  out.pid = pid;
  out.status = status;
  out.bundle = record.bundle;
  out.rootfs = record.rootfs;
  out.created = record.created;
  out.annotations = record.annotations;
  out.owner = record.owner == 0 ? "root" : std::to_string(record.owner);
  return out;
}

// A pid namespace that is shared does not tell whose its processes are: init alone is known.
Result<std::vector<pid_t>> processes_without_cgroup(const Container& container) {
  if (!container.alive()) {
    return std::vector<pid_t>();
  }
  if (container.record.shared_pid) {
    return std::vector<pid_t>{container.record.pid};
  }
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  TRY_ASSIGN(auto pids, sys::processes_in_pid_namespace_of(proc, container.record.pid));
  // The number of an init that ended meanwhile may be another process's, in another namespace.
  return sys::process_alive(container.record.pid, container.record.start_time) ? std::move(pids) : std::vector<pid_t>();
}

// Listed, held by handle, and listed again: a number that passed to another process meanwhile is not hit.
Status signal_namespace(const Container& container, int signal) {
  TRY_ASSIGN(const auto before, processes_without_cgroup(container));
  std::vector<std::pair<pid_t, UniqueFd>> held;
  for (const pid_t pid : before) {
    if (auto handle = sys::pidfd_open(pid)) {
      held.emplace_back(pid, std::move(*handle));
    }
  }
  TRY_ASSIGN(const auto still, processes_without_cgroup(container));
  for (const auto& [pid, handle] : held) {
    if (std::ranges::find(still, pid) != still.end()) {
      static_cast<void>(sys::pidfd_send_signal(handle.get(), signal));
    }
  }
  return {};
}

// After init's end the unit's name, and with it the cgroup, may have passed to another container: of another state root,
// say. What lives there then is not ours to signal, to list or to remove.
bool cgroup_is_foreign(const Container& container) {
  if (!container.record.unit || container.alive()) {
    return false;
  }
  const auto found = sys::find_unit(*container.record.unit);
  return found && *found == sys::UnitMatch::foreign;
}

Status kill_everything(const Container& container) {
  if (container.alive()) {
    Status killed = sys::pidfd_send_signal(container.pidfd.get(), SIGKILL);
    if (!killed && killed.error().sys_errno != ESRCH) {
      return killed;
    }
  }
  if (container.record.cgroups.empty() || cgroup_is_foreign(container)) {
    return {};
  }
  const auto cgroup = cgroup_of(container.record);
  (void)cgroup.thaw();
  // Processes of a shared pid namespace, and those of a launch that died before it could write down a pid. Otherwise
  // all of them die with init, and what is left in the cgroup belongs to somebody else.
  const bool init_is_all = container.record.pid > 0 && !container.record.shared_pid;
  return init_is_all ? Status{} : cgroup.signal_all(SIGKILL);
}

// The kernel tells when a killed init is really gone; half a minute is for a host in trouble.
Status await_end(const Container& container) {
  constexpr int kTries = 3000;
  constexpr timespec kPause{0, 10'000'000};
  for (int i = 0; i < kTries; ++i) {
    if (!container.alive() || !sys::process_alive(container.record.pid, container.record.start_time)) {
      return {};
    }
    ::nanosleep(&kPause, nullptr);
  }
  return fail(ErrorCode::kernel, "container init still running after SIGKILL");
}

Status remove_all(const state::Store& store, const ContainerId& id, Container container) {
  auto cgroup = cgroup_of(container.record);
  bool is_foreign = false;
  if (container.record.unit) {
    // Without systemd's answer the cgroup decides: a scope without one is over.
    const auto stopped = sys::stop_unit(*container.record.unit);
    if (!stopped) {
      log_warning("systemd unit " + container.record.unit->name + ": " + stopped.error().text);
    }
    is_foreign = stopped && *stopped == sys::UnitMatch::foreign;
  }
  if (!is_foreign) {
    TRY(cgroup.remove());
  }
  end_following(container.directory);
  end_watching(container.directory);
  // Without a cgroup nobody knows who of a shared pid namespace lives on, and what keeps it in stays.
  if (!is_foreign && !(container.record.shared_pid && container.record.cgroups.empty())) {
    remove_egress(container.record);
  }
  run_hooks_leniently(container.record.poststop, "poststop", hook_state(container.record, "stopped", 0),
                      container.record.bundle);
  return store.destroy(id, std::move(container.directory));
}

Result<state::Record> load_intent(const state::Directory& directory) {
  TRY_ASSIGN(const std::string text, directory.read(kIntentFile));
  return state::parse_record(text, kIntentFile);
}

// state.json is missing or damaged: what was intended says where the container's processes are. A directory whose
// creator was killed before it wrote even that holds nothing but itself.
Status delete_without_record(const state::Store& store, const ContainerId& id, state::Directory directory,
                             Error error) {
  if (error.code == ErrorCode::not_found && !directory.has(kIntentFile)) {
    return store.destroy(id, std::move(directory));
  }
  const auto intent = load_intent(directory);
  if (!intent || intent->cgroups.empty()) {
    return tl::unexpected<Error>(std::move(error));  // its processes cannot be found
  }
  Container container{std::move(directory), *intent, ContainerStatus::stopped, {}};
  TRY(kill_everything(container));
  return remove_all(store, id, std::move(container));
}

Container make_container(state::Directory directory, state::Record record) {
  Container container{std::move(directory), std::move(record), ContainerStatus::stopped, {}};
  container.pidfd = open_init(container.record);
  container.status = derive_status(container);
  return container;
}

Status delete_by_force(const state::Store& store, const ContainerId& id) {
  // `start` holds the lock while hooks run in the container, and they may never end. What will be killed anyway is
  // killed before the lock is asked for: then the holder comes to its own end.
  if (const auto container = find_container(store, id, Locking::none); container && container->alive()) {
    TRY(kill_everything(*container));
  }
  constexpr std::chrono::seconds kPatience{30};  // a hook on the host, which is not ours to kill
  auto directory = store.open(id, kPatience);
  if (!directory) {
    const bool gone = directory.error().code == ErrorCode::not_found;
    return gone ? Status{} : Status(tl::unexpected<Error>(std::move(directory).error()));
  }
  auto record = directory->load();
  if (!record) {
    return delete_without_record(store, id, std::move(*directory), std::move(record).error());
  }
  Container container = make_container(std::move(*directory), std::move(*record));
  TRY(kill_everything(container));
  TRY(await_end(container));
  return remove_all(store, id, std::move(container));
}

}  // namespace

std::vector<sys::CgroupDirectory> cgroup_directories(const state::Record& record) {
  std::vector<sys::CgroupDirectory> out;
  for (const auto& directory : record.cgroups) {
    out.push_back({directory.controllers, directory.path});
  }
  return out;
}

std::string_view status_name(ContainerStatus status) {
  switch (status) {
    case ContainerStatus::creating:
      return "creating";
    case ContainerStatus::created:
      return "created";
    case ContainerStatus::running:
      return "running";
    case ContainerStatus::paused:
      return "paused";
    case ContainerStatus::stopped:
      break;
  }
  return "stopped";
}

Result<Container> find_container(const state::Store& store, const ContainerId& id, Locking locking) {
  TRY_ASSIGN(auto directory, locking == Locking::wait ? store.open(id) : store.peek(id));
  TRY_ASSIGN(auto record, directory.load());
  return make_container(std::move(directory), std::move(record));
}

std::string hook_state(const state::Record& record, std::string_view status, int pid) {
  return oci::hook_state_json(document(record, status, pid));
}

std::string state_json(const Container& container, std::string_view status) {
  const int pid = container.alive() ? container.record.pid : 0;
  return oci::to_json(document(container.record, status, pid)) + "\n";
}

Status signal_container(const Container& container, int signal, bool all) {
  if (all && cgroup_is_foreign(container)) {
    return fail(ErrorCode::state, "container not running");
  }
  if (all) {
    return container.record.cgroups.empty() ? signal_namespace(container, signal)
                                            : cgroup_of(container.record).signal_all(signal);
  }
  if (!container.alive()) {
    return fail(ErrorCode::state, "container not running");
  }
  Status sent = sys::pidfd_send_signal(container.pidfd.get(), signal);
  if (!sent && sent.error().sys_errno == ESRCH) {
    return fail(ErrorCode::state, "container not running");
  }
  if (sent && signal == SIGKILL && container.status == ContainerStatus::paused) {
    return cgroup_of(container.record).thaw();  // a frozen process of v1 dies when it thaws
  }
  return sent;
}

Result<std::vector<int>> container_processes(const Container& container) {
  if (cgroup_is_foreign(container)) {
    return std::vector<int>();
  }
  TRY_ASSIGN(auto pids, container.record.cgroups.empty() ? processes_without_cgroup(container)
                                                         : cgroup_of(container.record).processes());
  std::stable_partition(pids.begin(), pids.end(), [&](int pid) { return pid == container.record.pid; });
  return std::vector<int>(pids.begin(), pids.end());
}

Status delete_container(const state::Store& store, const ContainerId& id, const DeleteOptions& options) {
  if (options.force) {
    return delete_by_force(store, id);
  }
  TRY_ASSIGN(auto container, find_container(store, id, Locking::wait));
  const ContainerStatus status = container.status;
  if (status == ContainerStatus::running || status == ContainerStatus::paused) {
    return fail(ErrorCode::state,
                "cannot delete container " + id.str() + " that is not stopped: " + std::string(status_name(status)));
  }
  TRY(kill_everything(container));
  TRY(await_end(container));
  return remove_all(store, id, std::move(container));
}

}  // namespace nucleus::launch
