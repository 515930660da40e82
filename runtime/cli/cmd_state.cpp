#include "runtime/cli/command.hpp"
#include "runtime/launch/container.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"help", 'h', "", "print this text"}};

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(const auto container, launch::find_container(globals.store(), id, launch::Locking::none));
  TRY(print(launch::state_json(container, launch::status_name(container.status))));
  return 0;
}

}  // namespace

constinit const Command kState = {"state", "<container-id>", "print the state of a container", kOptions, 1, 1, run};

}  // namespace nucleus::cli
