#include <poll.h>

#include <array>
#include <charconv>

#include "runtime/base/log.hpp"
#include "runtime/cli/command.hpp"
#include "runtime/launch/container.hpp"
#include "runtime/launch/stats.hpp"
#include "runtime/sys/oom_watch.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"stats", 0, "", "print what the container uses now, and return"},
                               {"interval", 0, "DURATION", "time between two prints, e.g. 500ms, 5s, 1m (default 5s)"},
                               {"help", 'h', "", "print this text"}};

struct Unit {
  std::string_view name;
  double milliseconds;
};
constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};

// A Go duration of one unit.
Result<int> parse_interval(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : kUnits) {
    const double milliseconds = value * unit.milliseconds;
    if (error == std::errc{} && unit.name == rest && milliseconds >= 1 && milliseconds <= 1e9) {
      return static_cast<int>(milliseconds);
    }
  }
  return fail(ErrorCode::usage, "duration interval must be greater than 0: \"" + text + "\"");
}

class Reporter {
 public:
  explicit Reporter(const launch::Container& container)
      : container_(container), cgroup_(sys::CgroupHandle::open(launch::cgroup_directories(container.record))) {}

  [[nodiscard]] Status print_stats() const {
    return print(oci::stats_event_json(container_.record.id, launch::read_stats(cgroup_)) + "\n");
  }

  // Until the container ends.
  Status follow(int interval) {
    auto oom = sys::OomWatch::open(cgroup_);
    if (!oom) {
      log_warning("out-of-memory events are not available: " + oom.error().text);
    }
    std::array<pollfd, 2> wanted = {{{container_.pidfd.get(), POLLIN, 0}, {oom ? oom->fd() : -1, 0, 0}}};
    wanted[1].events = oom ? oom->poll_events() : short{0};
    for (;;) {
      TRY(print_stats());
      bool due = false;
      while (!due) {
        const int ready = ::poll(wanted.data(), wanted.size(), interval);
        TRY(print_oom(oom));
        if (wanted[0].revents != 0) {
          return {};
        }
        due = ready == 0;
      }
    }
  }

 private:
  Status print_oom(Result<sys::OomWatch>& oom) const {
    for (std::uint64_t i = oom ? oom->take() : 0; i > 0; --i) {
      TRY(print(oci::oom_event_json(container_.record.id) + "\n"));
    }
    return {};
  }

  const launch::Container& container_;
  sys::CgroupHandle cgroup_;
};

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(const int interval, parse_interval(arguments.get("interval", "5s")));
  TRY_ASSIGN(const auto container, launch::find_container(globals.store(), id, launch::Locking::none));
  if (!container.alive()) {
    return fail(ErrorCode::state, "container with id " + id.str() + " is not running");
  }
  Reporter reporter(container);
  TRY(arguments.has("stats") ? reporter.print_stats() : reporter.follow(interval));
  return 0;
}

}  // namespace

constinit const Command kEvents = {
    "events", "<container-id>", "print what a container uses, and its OOM kills", kOptions, 1, 1, run};

}  // namespace nucleus::cli
