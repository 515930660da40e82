#include "runtime/launch/restore.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "hardening/modes.hpp"
#include "oci/document.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/launch/container_cgroup.hpp"
#include "runtime/launch/criu_process.hpp"
#include "runtime/launch/egress.hpp"
#include "runtime/launch/fault.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/foreign_namespaces.hpp"
#include "runtime/launch/hooks.hpp"
#include "runtime/launch/intent.hpp"
#include "runtime/launch/receipt_take.hpp"
#include "runtime/launch/restore_stage.hpp"
#include "runtime/launch/spawn.hpp"
#include "runtime/launch/trees.hpp"
#include "runtime/state/descriptors.hpp"

namespace nucleus::launch {
namespace {

constexpr const char* kStage = "criu";
constexpr const char* kPidFile = "criu.pid";
constexpr std::size_t kSmall = 4096;
constexpr std::uint64_t kMountNamespace = 0x00020000;  // CLONE_NEWNS

constexpr std::uint64_t kSysctlNamespaces = 0x40000000 | 0x08000000 | 0x04000000;  // CLONE_NEWNET, _NEWIPC, _NEWUTS

Status write_sysctls(const std::vector<const plan::WriteSysctl*>& settings, int init, std::uint64_t namespaces) {
  TRY(sys::join_namespaces_of(init, namespaces));
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  for (const auto* setting : settings) {
    TRY(sys::write_sysctl(proc, setting->name, setting->value));
  }
  return {};
}

class Restorer {
 public:
  Restorer(const LaunchInput& input, const state::Store& store, const RestoreOptions& options)
      : input_(input), store_(store), options_(options), cgroup_(input.plan.cgroup, input.facts.cgroup) {}
  Restorer(const Restorer&) = delete;
  Restorer& operator=(const Restorer&) = delete;
  ~Restorer();

  Result<Container> run();

 private:
  using Step = Status (Restorer::*)();

  Status check();
  Status take_id();
  Status record_intent();
  Status make_cgroup();
  Status prepare();
  Status restore();
  Status find_init();
  Status examine();
  Status egress();
  Status sysctls();
  Status hooks();
  Status record_running();
  Status resume();

  Status inherit_standard_descriptors(plan::RestorePlan& plan);
  Status learn_joined();
  Result<std::vector<pid_t>> processes() const;

  const LaunchInput& input_;
  const state::Store& store_;
  const RestoreOptions& options_;
  UniqueFd criu_;
  std::optional<ContainerId> id_;
  std::optional<state::Directory> directory_;
  std::string stage_;
  state::Record record_;
  ContainerCgroup cgroup_;
  std::optional<InitContext> context_;
  plan::RestorePlan plan_;
  std::vector<UniqueFd> standard_;  // the caller's 0, 1, 2 as criu inherits them
  std::vector<FileIdentity> given_;
  std::vector<PreparedMount> binds_;
  NamespaceIds joined_;
  StageFacts facts_;
  sys::Child init_;
  bool egress_installed_ = false;
  bool committed_ = false;
};

// In this order: the processes, then the cgroup they were in, then the record that would lead `delete` to both.
Restorer::~Restorer() {
  if (committed_) {
    return;
  }
  init_ = sys::Child();
  if (cgroup_.handle() != nullptr) {
    (void)cgroup_.handle()->signal_all(SIGKILL);
  }
  cgroup_.undo();
  if (egress_installed_) {
    remove_egress(record_);
  }
  if (directory_) {
    (void)store_.destroy(*id_, std::move(*directory_));
  }
}

Status Restorer::check() {
  TRY_ASSIGN(criu_, find_criu(options_.criu));
  if (input_.plan.process.terminal) {
    return fail(ErrorCode::usage, "restore: a container with a terminal cannot be restored");
  }
  if (input_.plan.egress && input_.plan.egress->record.policy.has_names()) {
    return fail(ErrorCode::policy, "restore: an egress policy with names cannot be taken up again");
  }
  const auto reaction = hardening::reaction(input_.plan.mode, hardening::Control::landlock);
  if (input_.plan.landlock.abi == 0 || reaction == hardening::Reaction::off) {
    return {};
  }
  const std::string text = "restore: criu cannot bring the container's Landlock domain back";
  if (reaction == hardening::Reaction::fail) {
    return fail(ErrorCode::policy, text + ": mode " + std::string(hardening::mode_name(input_.plan.mode)) +
                                       " restores nothing that had one");
  }
  log_warning(text + ": the restored processes are without");
  return {};
}

Status Restorer::take_id() {
  TRY_ASSIGN(id_, ContainerId::parse(input_.plan.id));
  TRY_ASSIGN(directory_, store_.create(*id_));
  stage_ = directory_->path() + "/" + kStage;
  return {};
}

Status Restorer::record_intent() {
  record_ = intended_record(input_, *id_);
  TRY(cgroup_.locate(record_));
  TRY(directory_->write(kIntentFile, state::to_json(record_)));
  TRY(directory_->save(record_));
  return write_decision(*directory_, input_);
}

Status Restorer::make_cgroup() {
  TRY(cgroup_.make(record_));
  return cgroup_.handle() != nullptr && !cgroup_.handle()->empty()
             ? Status{}
             : fail(ErrorCode::policy, "restore: without a cgroup what an image starts could not be found again");
}

// Files of an image that the container had from outside are put into the places of the caller's own.
Status Restorer::inherit_standard_descriptors(plan::RestorePlan& plan) {
  TRY_ASSIGN(const std::string text,
             read_file(AT_FDCWD, options_.choices.images + "/" + state::kDescriptorsFile, kSmall));
  TRY_ASSIGN(const auto names, state::parse_descriptors(text));
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    if (!name.starts_with("pipe:[") && !name.starts_with("socket:[") && !name.starts_with("file[")) {
      continue;
    }
    UniqueFd copy(::fcntl(static_cast<int>(i), F_DUPFD_CLOEXEC, 3));
    if (!copy) {
      return fail_errno("inherit descriptor " + std::to_string(i));
    }
    TRY_ASSIGN(const auto identity, identity_of(copy.get()));
    given_.push_back(identity);
    const bool repeated =
        std::any_of(plan.inherit.begin(), plan.inherit.end(), [&](const auto& entry) { return entry.second == name; });
    if (!repeated) {
      plan.inherit.emplace_back(copy.get(), name);
      standard_.push_back(std::move(copy));
    }
  }
  return {};
}

Status Restorer::learn_joined() {
  const auto& join = input_.plan.namespaces.join;
  for (std::size_t i = 0; i < join.size(); ++i) {
    TRY_ASSIGN(const auto id, sys::namespace_id(context_->join[i].get()));
    joined_[join[i].type] = std::to_string(id.device) + ":[" + std::to_string(id.inode) + "]";
    plan_.namespaces.push_back({join[i].type, id.inode, context_->join[i].get()});
    if (join[i].type == "network") {
      TRY_ASSIGN(record_.egress, egress_reference(input_.plan, context_->join[i].get()));
    }
  }
  return record_.egress ? directory_->save(record_) : Status{};
}

Status Restorer::prepare() {
  InitContext& context = context_.emplace(input_.plan);
  TRY_ASSIGN(context.join, open_namespaces(input_.plan.namespaces.join, granted_namespaces(input_.confinement)));
  TRY(prepare_trees(context, TreeMaker::launcher));
  context.cgroup = cgroup_.handle();
  for (const auto& op : input_.plan.init) {
    if (const auto* bind = std::get_if<plan::AttachMount>(&op.action)) {
      TRY_ASSIGN(const auto root, identity_of(context.detached[bind->index].get()));
      binds_.push_back({bind->target, root});
    }
  }
  if (::mkdirat(directory_->fd(), kStage, 0700) != 0) {
    return fail_errno("mkdir " + stage_);
  }
  plan_.choices = options_.choices;
  plan_.root = stage_root(stage_);
  plan_.pid_file = directory_->path() + "/" + kPidFile;
  plan_.lsm_profile = options_.lsm_profile;
  plan_.lsm_mount_context = options_.lsm_mount_context;
  plan_.mounts = stage_mounts(input_.plan, stage_);
  TRY(learn_joined());
  return inherit_standard_descriptors(plan_);
}

Status Restorer::restore() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return fail_errno("pipe");
  }
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  CriuCommand command;
  command.program = criu_.get();
  TRY_ASSIGN(command.arguments, plan::restore_arguments(plan_));
  command.log_directory = options_.choices.work.empty() ? options_.choices.images : options_.choices.work;
  command.log = plan::kRestoreLog;
  for (const auto& entry : plan_.namespaces) {
    command.inherited.push_back(entry.fd);
  }
  for (const auto& [fd, name] : plan_.inherit) {
    command.inherited.push_back(fd);
  }
  command.clone.flags = kMountNamespace;
  command.clone.cgroup_fd = cgroup_.clone_fd();
  command.dies_with_us = true;
  command.set = [this, &writer] { return set_stage(*context_, stage_, writer.get()); };
  const Status done = run_criu(command);
  writer.reset();
  TRY(done);
  if (::read(reader.get(), &facts_, sizeof facts_) != static_cast<ssize_t>(sizeof facts_)) {
    return fail(ErrorCode::internal, "criu ran without a stage");
  }
  return cgroup_.settle();
}

// Our own child (--restore-sibling), or it is not what criu restored.
Status Restorer::find_init() {
  const std::string text = directory_->read(kPidFile).value_or(std::string());
  int pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  const auto stat = sys::process_stat(pid);
  if (pid <= 0 || !stat || stat->parent != ::getpid()) {
    return fail(ErrorCode::policy, "criu left no process that is the container's init");
  }
  TRY_ASSIGN(UniqueFd handle, sys::pidfd_open(pid));
  init_ = sys::Child(pid, std::move(handle));
  record_.pid = pid;
  record_.start_time = stat->start_time;
  directory_->remove(kPidFile);
  if (::unlinkat(directory_->fd(), kStage, AT_REMOVEDIR) != 0) {
    return fail_errno("remove " + stage_);
  }
  return {};
}

Result<std::vector<pid_t>> Restorer::processes() const {
  TRY_ASSIGN(auto pids, cgroup_.handle()->processes());
  if (std::ranges::find(pids, record_.pid) == pids.end()) {
    return fail(ErrorCode::policy, "the restored init is not in the container's cgroup");
  }
  return pids;
}

Status Restorer::examine() {
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  TRY_ASSIGN(const KernelTruth own, read_back(proc, ::getpid(), false));
  TRY_ASSIGN(const oci::Spec spec, load_executed_spec(*directory_));
  const std::string filter = input_.plan.seccomp ? filter_bytes(input_.plan.seccomp->filter) : std::string();
  ThreadRules rules = thread_rules(spec, filter, own.namespaces, joined_);
  const auto text = [](const sys::NamespaceId& id) {
    return std::to_string(id.device) + ":[" + std::to_string(id.inode) + "]";
  };
  rules.forbidden.push_back({{"mount", text(facts_.mounts)}});
  if (separates_cgroup(input_.plan)) {
    rules.joined["cgroup"] = text(facts_.cgroup);
  }
  TRY_ASSIGN(UniqueFd handle, sys::pidfd_open(record_.pid));
  Container container{std::move(*directory_), record_, ContainerStatus::creating, std::move(handle)};
  const auto pids = processes();
  Status judged =
      pids ? examine_restored({container, input_.confinement, spec, rules, facts_.root, binds_, given_}, *pids)
           : Status(tl::unexpected<Error>(pids.error()));
  directory_.emplace(std::move(container.directory));
  return judged;
}

// Nothing has run yet: every process is stopped.
Status Restorer::egress() {
  if (!input_.plan.egress) {
    return {};
  }
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  TRY_ASSIGN(const auto network, sys::open_namespace_of(proc, record_.pid, *sys::find_namespace_kind("network")));
  TRY_WITH(install_egress_in(*input_.plan.egress, network.get()), "egress");
  egress_installed_ = true;
  return {};
}

// Those of the config: an image has only some of them. In a child, which enters the namespaces that they belong to.
Status Restorer::sysctls() {
  std::vector<const plan::WriteSysctl*> settings;
  for (const auto& op : input_.plan.init) {
    if (const auto* setting = std::get_if<plan::WriteSysctl>(&op.action)) {
      settings.push_back(setting);
    }
  }
  if (settings.empty()) {
    return {};
  }
  TRY_ASSIGN(const std::uint64_t namespaces, foreign_namespaces(record_.pid));
  TRY_ASSIGN(auto cloned, sys::clone3({}));
  if (cloned.pid == 0) {
    ::_exit(write_sysctls(settings, init_.pidfd(), namespaces & kSysctlNamespaces) ? 0 : 1);
  }
  sys::Child child(cloned.pid, std::move(cloned.pidfd));
  TRY_ASSIGN(const int status, child.wait());
  return status == 0 ? Status{}
                     : fail(ErrorCode::kernel, "the config's sysctls cannot be set in the restored container");
}

// Before anything of the container runs, as for a new one.
Status Restorer::hooks() {
  const std::string state = hook_state(record_, "creating", record_.pid);
  TRY(run_hooks(input_.plan.hooks.prestart, "prestart", state, record_.bundle));
  return run_hooks(input_.plan.hooks.create_runtime, "createRuntime", state, record_.bundle);
}

Status Restorer::record_running() {
  TRY(directory_->save(record_));
  return options_.pid_file.empty() ? Status{} : write_pid_file(options_.pid_file, record_.pid);
}

Status Restorer::resume() {
  TRY_ASSIGN(const auto pids, processes());
  for (const pid_t pid : pids) {
    if (::kill(pid, SIGCONT) != 0 && errno != ESRCH) {
      return fail_errno("resume process " + std::to_string(pid));
    }
  }
  return {};
}

Result<Container> Restorer::run() {
  constexpr Step kSteps[] = {&Restorer::check,       &Restorer::take_id, &Restorer::record_intent,
                             &Restorer::make_cgroup, &Restorer::prepare, &Restorer::restore,
                             &Restorer::find_init,   &Restorer::examine, &Restorer::egress,
                             &Restorer::sysctls,     &Restorer::hooks,   &Restorer::record_running,
                             &Restorer::resume};
  for (std::size_t i = 0; i < std::size(kSteps); ++i) {
    TRY((this->*kSteps[i])());
    TRY(fault_point("restore", i));
  }
  TRY_ASSIGN(UniqueFd handle, sys::pidfd_open(record_.pid));
  committed_ = true;
  cgroup_.commit();
  (void)init_.release();
  return Container{std::move(*directory_), record_, ContainerStatus::running, std::move(handle)};
}

}  // namespace

Result<Container> restore_container(const LaunchInput& input, const state::Store& store,
                                    const RestoreOptions& options) {
  auto container = Restorer(input, store, options).run();
  if (container) {
    container->directory.unlock();
    run_hooks_leniently(container->record.poststart, "poststart",
                        hook_state(container->record, "running", container->record.pid), container->record.bundle);
  }
  return container;
}

}  // namespace nucleus::launch
