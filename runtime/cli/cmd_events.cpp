#include "runtime/cli/command.hpp"
#include "runtime/cli/duration.hpp"
#include "runtime/launch/events.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"stats", 0, "", "print the statistics of now and return"},
                               {"interval", 0, "DURATION", "time between two statistics, e.g. 500ms (default 5s)"},
                               {"help", 'h', "", "print this text"}};

Result<std::chrono::milliseconds> interval_of(const Arguments& arguments) {
  const std::string text = arguments.get("interval", "5s");
  const auto interval = parse_duration(text);
  if (!interval) {
    return fail(ErrorCode::usage, "invalid value \"" + text + "\" for flag -interval: parse error");
  }
  if (interval->count() <= 0) {
    return fail(ErrorCode::usage, "duration interval must be greater than 0");
  }
  return *interval;
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(const auto interval, interval_of(arguments));
  TRY_ASSIGN(const auto container, launch::find_container(globals.store(), id, launch::Locking::none));
  TRY(arguments.has("stats") ? launch::report_stats(container, print)
                             : launch::watch_events(container, interval, print));
  return 0;
}

}  // namespace

constinit const Command kEvents = {
    "events", "<container-id>", "print statistics and OOM kills of a running container as JSON lines", kOptions, 1, 1,
    run};

}  // namespace nucleus::cli
