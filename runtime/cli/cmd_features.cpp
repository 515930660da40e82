#include "oci/documents.hpp"
#include "runtime/cli/command.hpp"
#include "runtime/sys/probe.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"help", 'h', "", "print this text"}};

Result<int> run(const Globals&, const Arguments&) {
  TRY_ASSIGN(const auto facts, sys::probe_host({}));
  TRY(print(oci::features_json(facts) + "\n"));
  return 0;
}

}  // namespace

constinit const Command kFeatures = {"features", "", "print what this runtime supports (features.md)", kOptions, 0,
                                     0,          run};

}  // namespace nucleus::cli
