#include <fcntl.h>

#include <filesystem>

#include "runtime/cli/bundle_command.hpp"
#include "runtime/cli/criu_options.hpp"
#include "runtime/launch/checkpoint.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {
    kImagePathOption,
    kWorkPathOption,
    {"parent-path", 0, "DIR", "the image before this one, relative to --image-path"},
    {"leave-running", 0, "", "the container goes on (default: it ends and is deleted)"},
    kTcpOption,
    kUnixOption,
    kShellJobOption,
    kLazyOption,
    {"status-fd", 0, "N", "criu writes a zero byte there when lazy pages can be asked for"},
    {"page-server", 0, "ADDRESS:PORT", "memory goes to a criu page server"},
    kLocksOption,
    {"pre-dump", 0, "", "memory only, as the parent of a later image; the container goes on"},
    kCgroupsModeOption,
    kEmptyOption,
    kDedupOption,
    kHelpOption};

// runc's rules.
Status check_parent(const std::string& images, const std::string& parent) {
  if (parent.empty()) {
    return {};
  }
  const std::filesystem::path path(parent);
  if (path.is_absolute()) {
    return fail(ErrorCode::usage, "--parent-path must be relative");
  }
  std::error_code error;
  return std::filesystem::is_directory(images / path, error)
             ? Status{}
             : fail(ErrorCode::usage, "--parent-path: " + parent + " is no directory, seen from the image's");
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  launch::CheckpointOptions options;
  options.criu = globals.criu;
  plan::DumpPlan& plan = options.plan;
  TRY_ASSIGN(plan.choices, criu_choices(arguments));
  TRY_ASSIGN(plan.cgroups, cgroups_mode(arguments));
  constexpr long kLargest = 1 << 20;
  TRY_ASSIGN(const long status, arguments.number("status-fd", -1, 0, kLargest));
  plan.status_fd = static_cast<int>(status);
  if (plan.status_fd >= 0 && ::fcntl(plan.status_fd, F_GETFD) < 0) {
    return fail(ErrorCode::usage, "--status-fd: descriptor " + std::to_string(plan.status_fd) + " is not open");
  }
  plan.parent = arguments.get("parent-path");
  TRY(check_parent(plan.choices.images, plan.parent));
  plan.page_server = arguments.get("page-server");
  plan.leave_running = arguments.has("leave-running");
  plan.pre_dump = arguments.has("pre-dump");
  TRY(launch::checkpoint_container(globals.store(), id, options));
  return 0;
}

}  // namespace

constinit const Command kCheckpoint = {
    "checkpoint", "<container-id>", "write the image of a running container, by criu", kOptions, 1, 1, run};

}  // namespace nucleus::cli
