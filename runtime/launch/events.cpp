#include "runtime/launch/events.hpp"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <utility>

#include "oci/stats.hpp"
#include "runtime/launch/egress.hpp"
#include "runtime/launch/stats.hpp"
#include "runtime/launch/watch.hpp"
#include "runtime/sys/oom_watch.hpp"

namespace nucleus::launch {
namespace {

Result<sys::CgroupHandle> cgroup_of_running(const Container& container) {
  if (!container.alive()) {
    return fail(ErrorCode::state, "container with id " + container.record.id + " is not running");
  }
  return sys::CgroupHandle::open(cgroup_directories(container.record));
}

Result<UniqueFd> ticker(std::chrono::milliseconds interval) {
  UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(interval);
  const std::chrono::nanoseconds rest = interval - seconds;
  const timespec every{seconds.count(), rest.count()};
  const itimerspec spec{every, every};
  if (!timer || ::timerfd_settime(timer.get(), 0, &spec, nullptr) != 0) {
    return fail_errno("timerfd");
  }
  return timer;
}

class Watch {
 public:
  Watch(const Container& container, sys::CgroupHandle cgroup, UniqueFd timer, const EventSink& sink)
      : container_(container), cgroup_(std::move(cgroup)), timer_(std::move(timer)), sink_(sink) {
    // A host without the memory controller has statistics all the same.
    if (auto oom = sys::OomWatch::open(cgroup_)) {
      oom_.emplace(std::move(*oom));
    }
  }

  Status run() {
    for (;;) {
      std::array<pollfd, 3> wait = {{{container_.pidfd.get(), POLLIN, 0},
                                     {timer_.get(), POLLIN, 0},
                                     {oom_ ? oom_->fd() : -1, oom_ ? oom_->poll_events() : short{0}, 0}}};
      if (::poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR) {
        return fail_errno("poll");
      }
      if (wait[2].revents != 0) {
        TRY(report_oom());
      }
      if (wait[0].revents != 0) {
        return report_calls();
      }
      if (wait[1].revents != 0) {
        TRY(report_tick());
      }
    }
  }

 private:
  Status report_oom() {
    for (std::uint64_t left = oom_->take(); left > 0; --left) {
      TRY(sink_(oci::oom_event_json(container_.record.id) + "\n"));
    }
    return {};
  }

  Status report_tick() {
    std::uint64_t ticks = 0;
    if (::read(timer_.get(), &ticks, sizeof ticks) != static_cast<ssize_t>(sizeof ticks)) {
      return {};
    }
    TRY(sink_(oci::stats_event_json(container_.record.id, collect_stats(cgroup_)) + "\n"));
    TRY(report_calls());
    return report_denials();
  }

  // Of the calls that the policy denies, those that are new or more than last time. Last at the end as well, or what ended
  // the program would not be told.
  Status report_calls() {
    const auto trace = read_watch_log(container_.directory);
    if (!trace) {
      return {};
    }
    for (std::size_t i = 0; i < trace->records.size(); ++i) {
      const hardening::TraceRecord& record = trace->records[i];
      const bool denied = record.verdict != hardening::TraceVerdict::allowed;
      if (!denied || std::exchange(calls_[i], record.count) == record.count) {
        continue;
      }
      const std::string verdict = record.verdict == hardening::TraceVerdict::denied ? "denied" : "learned";
      TRY(sink_(oci::seccomp_event_json(container_.record.id, {record.syscall, verdict, record.count, record.sys_errno,
                                                               record.last, hardening::allowing_entry(record)}) +
                "\n"));
    }
    return {};
  }

  // Said when there are new ones. A container that ends meanwhile has no namespace to look into.
  Status report_denials() {
    const auto egress = read_egress(container_);
    if (!egress || !*egress || (*egress)->denied_packets == denied_) {
      return {};
    }
    denied_ = (*egress)->denied_packets;
    oci::EgressEvent event{denied_, (*egress)->denied_bytes, {}};
    for (const auto& [address, protocol, port] : (*egress)->denied) {
      event.denied.push_back({address, protocol, port});
    }
    return sink_(oci::egress_event_json(container_.record.id, event) + "\n");
  }

  const Container& container_;
  sys::CgroupHandle cgroup_;
  UniqueFd timer_;
  const EventSink& sink_;
  std::optional<sys::OomWatch> oom_;
  std::uint64_t denied_ = 0;
  std::map<std::size_t, std::uint64_t> calls_;  // number of the record, which stays -> how often it was then
};

}  // namespace

Status report_stats(const Container& container, const EventSink& sink) {
  TRY_ASSIGN(const auto cgroup, cgroup_of_running(container));
  return sink(oci::stats_event_json(container.record.id, collect_stats(cgroup)) + "\n");
}

Status watch_events(const Container& container, std::chrono::milliseconds interval, const EventSink& sink) {
  TRY_ASSIGN(auto cgroup, cgroup_of_running(container));
  TRY_ASSIGN(auto timer, ticker(interval));
  return Watch(container, std::move(cgroup), std::move(timer), sink).run();
}

}  // namespace nucleus::launch
