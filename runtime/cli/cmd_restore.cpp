#include "runtime/cli/bundle_command.hpp"
#include "runtime/cli/criu_options.hpp"
#include "runtime/cli/places.hpp"
#include "runtime/launch/foreground.hpp"
#include "runtime/launch/restore.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {kConsoleOption,
                               kImagePathOption,
                               kWorkPathOption,
                               kTcpOption,
                               kUnixOption,
                               kShellJobOption,
                               kLocksOption,
                               kCgroupsModeOption,
                               kBundleOption,
                               {"detach", 'd', "", "return when the container runs"},
                               kPidFileOption,
                               {"no-subreaper", 0, "", "accepted for runc's sake; the runtime is no subreaper"},
                               kPivotOption,
                               kEmptyOption,
                               kDedupOption,
                               kLazyOption,
                               {"lsm-profile", 0, "TYPE:NAME", "AppArmor or SELinux profile instead of the image's"},
                               {"lsm-mount-context", 0, "CONTEXT", "SELinux context of mounts instead of the image's"},
                               kModeOption,
                               kPolicyOption,
                               kPolicyFileOption,
                               kGrantOption,
                               kAttestOption,
                               kHelpOption};

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  launch::RestoreOptions options;
  TRY_ASSIGN(options.choices, criu_choices(arguments));
  options.criu = globals.criu;
  options.pid_file = arguments.get("pid-file");
  options.lsm_profile = arguments.get("lsm-profile");
  options.lsm_mount_context = arguments.get("lsm-mount-context");
  TRY_ASSIGN(const auto prepared, prepare_launch(globals, arguments, false));
  const bool detach = arguments.has("detach");
  if (!detach) {
    launch::hold_signals();
  }
  TRY(prepare_root(globals.root));
  TRY_ASSIGN(auto container, launch::restore_container(prepared->input(), globals.store(), options));
  if (detach) {
    return 0;
  }
  const int pid = container.record.pid;
  { const launch::Container unlocked = std::move(container); }
  TRY_ASSIGN(const int status, launch::wait_in_foreground(pid, UniqueFd()));
  TRY(launch::delete_container(globals.store(), id, {true}));
  return status;
}

}  // namespace

constinit const Command kRestore = {
    "restore", "<container-id>", "make a container of an image that checkpoint wrote", kOptions, 1, 1, run};

}  // namespace nucleus::cli
