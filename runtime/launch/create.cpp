// create_container(): the launcher's steps in order, each undone by the destructor if a later one fails.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <optional>

#include "runtime/base/capability.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/launch/container_cgroup.hpp"
#include "runtime/launch/egress.hpp"
#include "runtime/launch/egress_names.hpp"
#include "runtime/launch/fault.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/hooks.hpp"
#include "runtime/launch/intent.hpp"
#include "runtime/launch/launch.hpp"
#include "runtime/launch/reports.hpp"
#include "runtime/launch/spawn.hpp"
#include "runtime/launch/trees.hpp"
#include "runtime/launch/watch.hpp"
#include "runtime/sys/socket.hpp"
#include "runtime/sys/terminal.hpp"

namespace nucleus::launch {
namespace {

class Launcher {
 public:
  Launcher(const LaunchInput& input, const state::Store& store, const LaunchOptions& options)
      : input_(input), store_(store), options_(options), cgroup_(input.plan.cgroup, input.facts.cgroup) {}
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;
  ~Launcher();

  Result<Launched> run();

 private:
  using Step = Status (Launcher::*)();

  Status take_id();
  Status record_intent();
  Status make_cgroup();
  Status prepare();
  Status clone();
  Status map_ids();
  Status write_files();
  Status await_ready();
  Status follow_names();
  Status record_created();
  Status release();

  Status prepare_egress();
  [[nodiscard]] std::size_t egress_operation() const;
  Status take_egress_socket(LauncherEnd::Received& received);
  Status install_shared();
  [[nodiscard]] const plan::EgressPlan* egress() const;
  Status handle(LauncherEnd::Received& received);

  const LaunchInput& input_;
  const state::Store& store_;
  const LaunchOptions& options_;
  std::optional<ContainerId> id_;
  std::optional<state::Directory> directory_;
  state::Record record_;
  ContainerCgroup cgroup_;
  std::optional<InitContext> context_;
  LauncherEnd channel_;
  EgressSockets egress_sockets_;
  std::optional<plan::EgressPlan> shared_egress_;  // as it was installed, where that was the launcher's
  bool egress_installed_ = false;                  // or may be: the child has come to it
  UniqueFd console_;
  sys::Child child_;
  bool ready_ = false;
  bool committed_ = false;
};

// In this order: the process, then the cgroup it was in, then the record that would lead `delete` to both.
Launcher::~Launcher() {
  if (committed_) {
    return;
  }
  child_ = sys::Child();
  cgroup_.undo();
  if (egress_installed_) {
    remove_egress(record_);
  }
  if (directory_) {
    undo_watch(*directory_);
    (void)store_.destroy(*id_, std::move(*directory_));
  }
}

Status Launcher::take_id() {
  TRY_ASSIGN(id_, ContainerId::parse(input_.plan.id));
  TRY_ASSIGN(directory_, store_.create(*id_));
  return {};
}

// Before anything exists in the kernel the record says where it will be: after a crash `delete` finds it.
Status Launcher::record_intent() {
  record_ = intended_record(input_, *id_);
  TRY(cgroup_.locate(record_));
  TRY(directory_->write(kIntentFile, state::to_json(record_)));
  return directory_->save(record_);
}

Status Launcher::make_cgroup() { return cgroup_.make(record_); }

Status Launcher::prepare() {
  InitContext& context = context_.emplace(input_.plan);
  TRY_ASSIGN(context.join, open_namespaces(input_.plan.namespaces.join, granted_namespaces(input_.confinement)));
  TRY(prepare_egress());
  if ((input_.facts.capabilities & capability_bit("CAP_SYS_ADMIN")) != 0) {
    TRY(prepare_trees(context, TreeMaker::launcher));
  } else {
    context.before_start = [&context] { return prepare_trees(context, TreeMaker::child); };
  }
  if (options_.keep_channel) {
    TRY(directory_->write(state::kStartSocket, ""));  // nobody listens, but it is not running yet
  } else {
    TRY_ASSIGN(context.start_listener,
               sys::listen_at(directory_->fd(), state::kStartSocket, sys::SocketType::seqpacket));
  }
  context.cgroup = cgroup_.handle();
  context.await_id_maps = input_.plan.namespaces.creates("user");
  context.hook_state = hook_document(record_);
  TRY_ASSIGN(auto channel, make_channel());
  channel_ = std::move(channel.launcher);
  context.channel = std::move(channel.process);
  return {};
}

// In a namespace that was joined the table is written down before it is made, for whoever has to remove it.
Status Launcher::prepare_egress() {
  if (!input_.plan.egress) {
    return {};
  }
  TRY_ASSIGN(context_->runtime_network, sys::own_namespace_id(*sys::find_namespace_kind("network")));
  const auto& join = input_.plan.namespaces.join;
  for (std::size_t i = 0; i < join.size(); ++i) {
    if (join[i].type == "network") {
      TRY_ASSIGN(record_.egress, egress_reference(input_.plan, context_->join[i].get()));
    }
  }
  if (!record_.egress) {
    return {};
  }
  TRY(directory_->write(kIntentFile, state::to_json(record_)));
  return directory_->save(record_);
}

// Its failure leaves no table of ours, but perhaps somebody else's of the same name.
std::size_t Launcher::egress_operation() const {
  const auto& ops = input_.plan.init;
  const auto hit = std::ranges::find_if(
      ops, [](const plan::InitOp& op) { return std::holds_alternative<plan::InstallEgress>(op.action); });
  return static_cast<std::size_t>(hit - ops.begin());
}

Status Launcher::clone() {
  // What the child must not hold: the launcher's end, whose loss tells it that the launcher is gone, and the lock.
  // It must let go before it first waits for an order, so this is not left to the plan's operations.
  context_->after_clone = [this] {
    channel_.close();
    directory_.reset();
  };
  egress_installed_ = true;
  TRY_ASSIGN(child_, spawn(*context_, cgroup_.clone_fd()));
  context_.reset();
  return {};
}

Status Launcher::map_ids() {
  if (!input_.plan.namespaces.creates("user")) {
    return {};
  }
  TRY_WITH(launch::map_ids(input_.plan.namespaces, child_.pid()), "user namespace");
  return channel_.order(Order::proceed);
}

// While the child mounts: what `exec`, `receipt` and `start` go by later.
Status Launcher::write_files() {
  TRY(write_decision(*directory_, input_));
  const auto& seccomp = input_.plan.seccomp;
  if (!seccomp || !seccomp->watch) {
    return {};
  }
  TRY(seccomp->gate.empty() ? Status{} : directory_->write(kGateFile, filter_bytes(seccomp->gate)));
  return prepare_watch(*directory_, *seccomp->watch);
}

Status Launcher::handle(LauncherEnd::Received& received) {
  const Report& report = received.report;
  switch (report.kind) {
    case ReportKind::warning:
      log_warning(describe_report(input_.plan, report));
      return {};
    case ReportKind::failed:
      egress_installed_ = report.op > egress_operation();
      return tl::unexpected<Error>(error_of(input_.plan, report));
    case ReportKind::runtime_hooks: {
      const std::string state = hook_state(record_, "creating", child_.pid());
      TRY(run_hooks(input_.plan.hooks.prestart, "prestart", state, record_.bundle));
      TRY(run_hooks(input_.plan.hooks.create_runtime, "createRuntime", state, record_.bundle));
      return channel_.order(Order::proceed);
    }
    case ReportKind::console:
      console_ = std::move(received.carried);
      return options_.console_socket.empty()
                 ? Status{}
                 : sys::send_terminal(options_.console_socket, console_.get(), report.detail);
    case ReportKind::ready:
      ready_ = true;
      return {};
    case ReportKind::egress_socket:
      return take_egress_socket(received);
    case ReportKind::listener:
      break;
  }
  return fail(ErrorCode::internal, "an unexpected message from the container's init");
}

Status Launcher::take_egress_socket(LauncherEnd::Received& received) {
  const std::size_t index = received.report.op;
  TRY(egress_sockets_.take(index, std::move(received.carried)));
  if (!input_.plan.egress->by_cgroup || index != EgressSockets::netlink) {
    return {};
  }
  TRY_WITH(install_shared(), "install the egress rules");
  return channel_.order(Order::proceed);
}

// `egress_installed_` tells the destructor: only while the kernel is asked, and afterwards, the table may be ours.
Status Launcher::install_shared() {
  egress_installed_ = false;
  plan::EgressPlan plan = *input_.plan.egress;
  TRY_ASSIGN(plan.record.dns_port, question_port(egress_sockets_));
  std::optional<hardening::EgressCgroup> cgroup;
  if (cgroup_.clone_fd() >= 0) {
    TRY_ASSIGN(cgroup, egress_cgroup(cgroup_.clone_fd(), child_.pid()));
  }
  const auto announce = [this](const std::string& table) -> Status {
    record_.egress->name = table;
    TRY(directory_->write(kIntentFile, state::to_json(record_)));
    return directory_->save(record_);
  };
  TRY_ASSIGN(shared_egress_,
             install_shared_egress(std::move(plan), egress_sockets_.get(EgressSockets::netlink), cgroup, announce));
  egress_installed_ = true;
  return directory_->write(kEgressFile, hardening::to_json(shared_egress_->record));
}

const plan::EgressPlan* Launcher::egress() const {
  if (shared_egress_) {
    return &*shared_egress_;
  }
  return input_.plan.egress ? &*input_.plan.egress : nullptr;
}

Status Launcher::await_ready() {
  while (!ready_) {
    TRY_ASSIGN(auto received, channel_.receive());
    if (!received) {
      TRY_ASSIGN(const int status, child_.wait());
      return fail(ErrorCode::kernel, "the container's init ended during set-up (" + describe_exit(status) + ")");
    }
    TRY(handle(*received));
  }
  return cgroup_.settle();
}

// Before anybody may start the container; its end ends the follower.
Status Launcher::follow_names() {
  if (egress() == nullptr || !egress()->record.policy.has_names()) {
    return {};
  }
  TRY_WITH(start_following(*egress(), input_.plan.namespaces, child_, std::move(egress_sockets_), *directory_),
           "egress");
  return {};
}

Status Launcher::record_created() {
  record_.pid = child_.pid();
  TRY_ASSIGN(record_.start_time, sys::process_start_time(child_.pid()));
  TRY(directory_->save(record_));
  return options_.pid_file.empty() ? Status{} : write_pid_file(options_.pid_file, child_.pid());
}

// From here on the container outlives this process.
Status Launcher::release() { return channel_.order(Order::created); }

Result<Launched> Launcher::run() {
  constexpr Step kSteps[] = {&Launcher::take_id,        &Launcher::record_intent, &Launcher::make_cgroup,
                             &Launcher::prepare,        &Launcher::clone,         &Launcher::map_ids,
                             &Launcher::write_files,    &Launcher::await_ready,   &Launcher::follow_names,
                             &Launcher::record_created, &Launcher::release};
  for (std::size_t i = 0; i < std::size(kSteps); ++i) {
    TRY((this->*kSteps[i])());
    TRY(fault_point("create", i));
  }
  committed_ = true;
  cgroup_.commit();
  TRY_ASSIGN(UniqueFd pidfd, sys::pidfd_open(child_.pid()));
  (void)child_.release();
  return Launched{Container{std::move(*directory_), record_, ContainerStatus::created, std::move(pidfd)},
                  options_.console_socket.empty() ? std::move(console_) : UniqueFd(), std::move(channel_)};
}

}  // namespace

Result<Launched> create_container(const LaunchInput& input, const state::Store& store, const LaunchOptions& options) {
  return Launcher(input, store, options).run();
}

}  // namespace nucleus::launch
