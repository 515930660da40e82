#include <algorithm>
#include <array>

#include "runtime/cli/bundle_command.hpp"
#include "runtime/cli/seccomp_command.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {
    {"output", 'o', "FILE", "trace: where the trace goes; generate, merge: where the profile goes (default: stdout)"},
    kBundleOption,
    {"permissive", 0, "", "trace: let through and record what the policy denies as well, but for the floor"},
    kModeOption,
    kGrantOption,
    {"lock", 0, "", "generate, merge: write the policy.lock of the set that FILE lies in; elsewhere print FILE's pin"},
    {"denied", 0, "", "generate: allow what the policy denied while it was traced as well"},
    {"format", 'f', "text|json", "diff, coverage: shape of the output"},
    kPolicyOption,
    {"help", 'h', "", "print this text"}};

struct Part {
  std::string_view name;
  Result<int> (*run)(const Globals&, const Arguments&);
};
constexpr std::array kParts = {Part{"trace", trace_command}, Part{"generate", generate_command},
                               Part{"merge", merge_command}, Part{"diff", diff_command},
                               Part{"coverage", coverage_command}};

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(auto all, gather_options(kOptions, arguments));  // options may stand behind the files as well
  const auto* const part = std::ranges::find(kParts, std::string_view(all.rest.front()), &Part::name);
  if (part == kParts.end()) {
    return fail(ErrorCode::usage,
                "seccomp: expected trace, generate, merge, diff or coverage, got " + all.rest.front());
  }
  all.rest.erase(all.rest.begin());
  return part->run(globals, all);
}

}  // namespace

constinit const Command kSeccomp = {
    "seccomp",
    "trace [container-id] | generate TRACE... | merge PROFILE... | diff PROFILE PROFILE | coverage PROFILE TRACE...",
    "record system calls; make and compare profiles of them",
    kOptions,
    1,
    -1,
    run};

}  // namespace nucleus::cli
