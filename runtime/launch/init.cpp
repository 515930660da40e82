#include "runtime/launch/init.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "runtime/launch/fault.hpp"
#include "runtime/launch/performer.hpp"
#include "runtime/launch/reports.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::launch {
namespace {

using hardening::Reaction;

// The own pid as the launcher's procfs, still mounted here, shows it: what hooks must be told.
int own_host_pid() {
  std::array<char, 32> text{};
  const ssize_t length = ::readlink("/proc/self", text.data(), text.size());
  int pid = 0;
  std::from_chars(text.data(), text.data() + std::max<ssize_t>(length, 0), pid);
  return pid;
}

// The caller's signal dispositions and mask are not the container's.
void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    ::sigaction(number, &action, nullptr);
  }
}

// Out of the caller's process group, which kill(0, ...) reaches across pid namespaces, and away from its terminal,
// which /dev/tty would open.
Status leave_session() { return ::setsid() < 0 ? Status(fail_errno("setsid")) : Status{}; }

Status prepare(InitContext& context) {
  if (context.after_clone) {
    context.after_clone();
  }
  reset_signals();
  TRY(leave_session());
  // Dies with its launcher until the state is on disk; WaitForStart lifts this.
  TRY(sys::set_parent_death_signal(SIGKILL));
  context.hook_state.pid = own_host_pid();
  // /proc/PID of the runtime's own image stays closed to whoever shares the pid namespace (CVE-2019-5736, CVE-2016-9962):
  // before this process enters a container, but after the launcher of a new user namespace needed it open.
  if (context.await_id_maps) {
    TRY(context.channel.expect(Order::proceed));
  }
  if (context.await_id_maps) {
    apply_oom_score(context.plan);
  }
  TRY(sys::set_dumpable(false));
  return context.before_start ? context.before_start() : Status{};
}

// The launcher names the operation from its own copy of the plan; `start` has none and gets the name with the text.
void tell(const InitContext& context, ReportKind kind, std::size_t index, Error error) {
  if (context.started) {
    error = std::move(error).with(op_name(context.plan, index));
  }
  (void)context.channel.report(kind, index, &error);
}

[[noreturn]] void give_up(const InitContext& context, std::size_t index, const Error& error) {
  tell(context, ReportKind::failed, index, error);
  ::_exit(1);
}

}  // namespace

Status perform(InitContext& context, const plan::InitOp& op) { return std::visit(Performer{context}, op.action); }

void run_init(InitContext& context) {
  if (Status prepared = prepare(context); !prepared) {
    give_up(context, context.plan.init.size(), prepared.error());
  }
  const auto& ops = context.plan.init;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    Status done = fault_point("init", i);
    if (done) {
      done = perform(context, ops[i]);
    }
    if (done) {
      context.started = context.started || std::holds_alternative<plan::WaitForStart>(ops[i].action);
      continue;
    }
    if (ops[i].on_failure == Reaction::fail) {
      give_up(context, i, done.error());
    }
    if (ops[i].on_failure == Reaction::warn) {
      tell(context, ReportKind::warning, i, done.error());
    }
  }
  const Error unreachable{ErrorCode::internal, 0, "the plan ended without execve"};
  give_up(context, ops.size(), unreachable);
}

Result<const sys::ProcHandle*> proc_of(InitContext& context) {
  if (!context.proc) {
    TRY_ASSIGN(context.proc, sys::ProcHandle::open());
  }
  return &*context.proc;
}

}  // namespace nucleus::launch
