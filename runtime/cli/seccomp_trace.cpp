// seccomp trace: `run` with a trace.
#include <unistd.h>

#include "runtime/cli/seccomp_command.hpp"

namespace nucleus::cli {
namespace {

constexpr const char* kWhole = "24h";  // longer than anybody waits for a trace

}  // namespace

Result<int> trace_command(const Globals& globals, const Arguments& arguments) {
  if (!arguments.has("output") || arguments.rest.size() > 1) {
    return fail(ErrorCode::usage, "seccomp trace: expected --output FILE and at most one container id");
  }
  Arguments run = arguments;
  run.options.erase("output");
  run.options["seccomp-trace"] = {arguments.get("output")};
  if (arguments.has("permissive")) {
    run.options["seccomp-learn"] = {kWhole};
  }
  if (run.rest.empty()) {
    run.rest = {"trace-" + std::to_string(::getpid())};
  }
  return kRun.run(globals, run);
}

}  // namespace nucleus::cli
