#include "runtime/cli/command.hpp"
#include "runtime/launch/launch.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"help", 'h', "", "print this text"}};

using launch::ContainerStatus;

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(auto container, launch::find_container(globals.store(), id, launch::Locking::wait));
  switch (container.status) {
    case ContainerStatus::created:
      TRY(launch::start_container(container));
      return 0;
    case ContainerStatus::stopped:
      return fail(ErrorCode::state, "cannot start a container that has stopped");
    case ContainerStatus::paused:
      return fail(ErrorCode::state, "cannot start a container in the paused state");
    case ContainerStatus::running:
      return fail(ErrorCode::state, "cannot start an already running container");
    case ContainerStatus::creating:
      break;
  }
  return fail(ErrorCode::state, "cannot start a container that is not created");
}

}  // namespace

constinit const Command kStart = {"start", "<container-id>", "start a created container", kOptions, 1, 1, run};

}  // namespace nucleus::cli
