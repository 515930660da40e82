#include "runtime/cli/bundle_command.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {kBundleOption, kConsoleOption, kPidFileOption, kPreserveOption,   kKeyringOption,
                               kPivotOption,  kModeOption,    kPolicyOption,  kPolicyFileOption, kGrantOption,
                               kTraceOption,  kLearnOption,   kDenialsOption, kAttestOption,     kHelpOption};

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY(create_from_bundle(globals, arguments, false));
  return 0;
}

}  // namespace

constinit const Command kCreate = {
    "create", "<container-id>", "create a container that waits for start", kOptions, 1, 1, run};

}  // namespace nucleus::cli
