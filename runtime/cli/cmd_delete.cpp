#include "runtime/cli/command.hpp"
#include "runtime/launch/container.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"force", 'f', "", "kill a running container; a missing one is no error"},
                               {"help", 'h', "", "print this text"}};

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY(launch::delete_container(globals.store(), id, {arguments.has("force")}));
  return 0;
}

}  // namespace

constinit const Command kDelete = {"delete", "<container-id>", "delete what a container holds", kOptions, 1, 1, run};

}  // namespace nucleus::cli
