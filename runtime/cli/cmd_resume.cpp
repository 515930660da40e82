#include "runtime/cli/command.hpp"
#include "runtime/launch/freeze.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"help", 'h', "", "print this text"}};

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(const auto container, launch::find_container(globals.store(), id, launch::Locking::wait));
  TRY(launch::resume_container(container));
  return 0;
}

}  // namespace

constinit const Command kResume = {"resume", "<container-id>", "let a paused container go on", kOptions, 1, 1, run};

}  // namespace nucleus::cli
