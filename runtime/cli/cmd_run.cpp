#include "runtime/cli/bundle_command.hpp"
#include "runtime/launch/foreground.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {kBundleOption,
                               kConsoleOption,
                               kPidFileOption,
                               kPreserveOption,
                               kKeyringOption,
                               kPivotOption,
                               kModeOption,
                               kPolicyOption,
                               kPolicyFileOption,
                               kGrantOption,
                               kTraceOption,
                               kLearnOption,
                               kDenialsOption,
                               kAttestOption,
                               {"detach", 'd', "", "return when the container runs"},
                               {"no-subreaper", 0, "", "accepted for runc's sake; the runtime is no subreaper"},
                               {"keep", 0, "", "leave the container's state when it ends"},
                               kHelpOption};

Result<int> run_foreground(const Globals& globals, const ContainerId& id, launch::Launched launched, bool keep) {
  const int pid = launched.container.record.pid;
  launch::Container container = std::move(launched.container);
  launch::hold_signals();
  const Status started = launch::start_container(container, launched.channel);
  launched.channel.close();
  // Others may look at the container while it runs.
  { const launch::Container unlocked = std::move(container); }
  int status = 1;
  if (started) {
    TRY_ASSIGN(status, launch::wait_in_foreground(pid, std::move(launched.console)));
  }
  if (!keep || !started) {
    const Status deleted = launch::delete_container(globals.store(), id, {true});
    TRY(started);
    TRY(deleted);
  }
  return status;
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(auto launched, create_from_bundle(globals, arguments, true));
  TRY_ASSIGN(const auto id, container_id(arguments));
  if (!arguments.has("detach")) {
    return run_foreground(globals, id, std::move(launched), arguments.has("keep"));
  }
  if (Status started = launch::start_container(launched.container, launched.channel); !started) {
    { const launch::Launched released = std::move(launched); }
    (void)launch::delete_container(globals.store(), id, {true});
    return tl::unexpected<Error>(std::move(started).error());
  }
  return 0;
}

}  // namespace

constinit const Command kRun = {
    "run", "<container-id>", "create and start a container, wait for it, delete it", kOptions, 1, 1, run};

}  // namespace nucleus::cli
