#include "runtime/cli/command.hpp"
#include "runtime/launch/freeze.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"help", 'h', "", "print this text"}};

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(const auto container, launch::find_container(globals.store(), id, launch::Locking::wait));
  TRY(launch::pause_container(container));
  return 0;
}

}  // namespace

constinit const Command kPause = {"pause", "<container-id>", "freeze every process of a container", kOptions, 1, 1,
                                  run};

}  // namespace nucleus::cli
