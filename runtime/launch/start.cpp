// start_container(): from "waits for start" to "runs, and the kernel confirmed how".
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "hardening/modes.hpp"
#include "oci/document.hpp"
#include "runtime/base/log.hpp"
#include "runtime/launch/egress.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/hooks.hpp"
#include "runtime/launch/launch.hpp"
#include "runtime/launch/listener.hpp"
#include "runtime/launch/observe.hpp"
#include "runtime/launch/receipt_keep.hpp"
#include "runtime/launch/receipt_take.hpp"
#include "runtime/launch/reports.hpp"
#include "runtime/launch/watch.hpp"
#include "runtime/sys/ptrace_exec.hpp"
#include "runtime/sys/socket.hpp"

namespace nucleus::launch {
namespace {

using hardening::Control;
using hardening::Mode;
using hardening::Reaction;

Status take_listener(const Container& container, UniqueFd listener) {
  return container.directory.has(kWatchFile) ? start_watching(container, std::move(listener))
                                             : hand_over_listener(container, std::move(listener));
}

// Everything the process says up to its execve (end of file) or its failure.
Status drain(const Container& container, const LauncherEnd& channel) {
  for (;;) {
    TRY_ASSIGN(auto received, channel.receive());
    if (!received) {
      return {};
    }
    switch (received->report.kind) {
      case ReportKind::warning:
        log_warning(error_of(received->report).text);
        break;
      case ReportKind::failed:
        return tl::unexpected<Error>(error_of(received->report));
      case ReportKind::listener:
        TRY(take_listener(container, std::move(received->carried)));
        break;
      default:
        return fail(ErrorCode::internal, "an unexpected message from the container's init");
    }
  }
}

std::string describe(const std::vector<state::ReceiptItem>& mismatches) {
  std::string out = "the kernel does not enforce what was planned:";
  for (const auto& item : mismatches) {
    out += " " + item.control + " is \"" + item.observed + "\", planned \"" + item.expected + "\";";
  }
  out.pop_back();
  return out;
}

Status store_receipt(const Container& container, const hardening::Confinement& confinement) {
  TRY_ASSIGN(auto receipt, take_receipt(container, confinement, true));
  const auto mismatches = receipt.mismatches();
  TRY(keep_receipt(container, confinement.receipt, std::move(receipt)));
  return mismatches.empty() ? Status{} : fail(ErrorCode::kernel, describe(mismatches));
}

// A receipt that cannot be taken or does not match: said in agent mode, the end in the strict ones. The watch kills the
// process when it goes out of scope without detach().
Status judge(Status receipt, Mode mode) {
  if (receipt || hardening::reaction(mode, Control::receipt_mismatch) == Reaction::fail) {
    return receipt;
  }
  log_warning("receipt: " + receipt.error().text);
  return {};
}

Result<sys::ExecWatch> watch_exec(const Container& container, const LauncherEnd& channel) {
  auto watch = sys::ExecWatch::seize(container.record.pid);
  if (watch || watch.error().sys_errno != EPERM || ::geteuid() == 0) {
    return watch;
  }
  TRY(open_to_owner(channel));
  return sys::ExecWatch::seize(container.record.pid);
}

Error ended_early(int wait_status) {
  return {ErrorCode::kernel, 0, "the container's init ended before its program (" + describe_exit(wait_status) + ")"};
}

// A process whose calls are watched comes to its execve only when somebody answers for them. Signals for it are passed on
// meanwhile, or it would wait for us as we for it.
Status await_listener(const Container& container, const LauncherEnd& channel, sys::ExecWatch& watch) {
  constexpr int kLookEveryMs = 20;
  for (;;) {
    pollfd polled{channel.fd(), POLLIN, 0};
    if (::poll(&polled, 1, kLookEveryMs) <= 0) {
      TRY_ASSIGN(const auto event, watch.look());
      if (event) {
        TRY(drain(container, channel));
        return tl::unexpected<Error>(ended_early(event->wait_status));
      }
      continue;
    }
    TRY_ASSIGN(auto received, channel.receive());
    if (!received) {
      return {};  // it has ended: the watch tells how
    }
    if (received->report.kind == ReportKind::listener) {
      return take_listener(container, std::move(received->carried));
    }
    if (received->report.kind != ReportKind::warning) {
      return tl::unexpected<Error>(error_of(received->report));
    }
    log_warning(error_of(received->report).text);
  }
}

Status start_observed(const Container& container, const LauncherEnd& channel,
                      const hardening::Confinement& confinement) {
  TRY(check_broker(container));
  auto watch = watch_exec(container, channel);
  if (!watch) {
    TRY(judge(tl::unexpected<Error>(watch.error()), confinement.mode));
    TRY(channel.order(Order::start));
    return drain(container, channel);
  }
  TRY(channel.order(Order::start));
  if (container.directory.has(kWatchFile)) {
    TRY(await_listener(container, channel, *watch));
  }
  TRY_ASSIGN(const auto event, watch->wait());
  if (!event.at_exec) {
    TRY(drain(container, channel));
    return tl::unexpected<Error>(ended_early(event.wait_status));
  }
  TRY(drain(container, channel));
  TRY(judge(store_receipt(container, confinement), confinement.mode));
  return watch->detach();
}

}  // namespace

Status start_container(Container& container, const LauncherEnd& channel) {
  TRY_ASSIGN(const auto confinement, load_confinement(container.directory));
  if (confinement.mode == Mode::passthrough) {
    TRY(channel.order(Order::start));
    TRY(drain(container, channel));
  } else {
    TRY(start_observed(container, channel, confinement));
  }
  container.status = ContainerStatus::running;
  container.directory.remove(state::kStartSocket);
  // The container runs: nobody has to wait for hooks, which may take as long as they like.
  container.directory.unlock();
  run_hooks_leniently(container.record.poststart, "poststart",
                      hook_state(container.record, "running", container.record.pid), container.record.bundle);
  return {};
}

Status start_container(Container& container) {
  auto connection = sys::connect_at(container.directory.fd(), state::kStartSocket, sys::SocketType::seqpacket);
  if (!connection) {
    return tl::unexpected<Error>(std::move(connection).error().with("cannot reach the container's init"));
  }
  Status started = start_container(container, LauncherEnd(std::move(*connection)));
  container.directory.remove(state::kStartSocket);
  return started;
}

}  // namespace nucleus::launch
