// seccomp generate, merge, diff, coverage.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "hardening/digest.hpp"
#include "hardening/json_text.hpp"
#include "hardening/policy_set.hpp"
#include "hardening/seccomp_allowed.hpp"
#include "hardening/seccomp_union.hpp"
#include "hardening/trace_generate.hpp"
#include "oci/document.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/cli/pipeline.hpp"
#include "runtime/cli/seccomp_command.hpp"

namespace nucleus::cli {
namespace {

constexpr int kDiffers = 2;
constexpr std::size_t kProfileLimit = 1U << 20U;

struct Place {
  std::string directory;
  std::string name;
};

Place place_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? Place{".", path} : Place{path.substr(0, slash + 1), path.substr(slash + 1)};
}

Result<oci::Seccomp> read_profile(const std::string& path) {
  TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, path, kProfileLimit));
  return oci::parse_seccomp(text, path);
}

Result<std::vector<hardening::Trace>> read_traces(std::span<const std::string> paths) {
  std::vector<hardening::Trace> out;
  for (const std::string& path : paths) {
    TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, path, hardening::kTraceFileLimit));
    TRY_ASSIGN(auto trace, hardening::parse_trace(text, path));
    out.push_back(std::move(trace));
  }
  return out;
}

// The set's lock, where the profile lies in a policy set; else the pin that names this very file, for --policy-file.
Status lock(int directory, const std::string& path, std::string_view profile) {
  hardening::PolicyBytes bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto content = read_file(directory, std::string(hardening::kPolicyFiles[i]), kProfileLimit);
    if (!content && content.error().sys_errno != ENOENT) {
      return tl::unexpected<Error>(std::move(content).error());
    }
    if (!content) {
      TRY_ASSIGN(const std::string whole, absolute_path(path));
      return print(whole + "@sha256:" + hardening::to_hex(hardening::sha256(profile)) + "\n");
    }
    bytes[i] = std::move(*content);
  }
  const std::string text = hardening::lock_text(bytes);
  TRY(replace_file(directory, "policy.lock", text, 0644, true));
  return print("sha256:" + hardening::to_hex(hardening::sha256(text)) + "\n");
}

Status write_profile(const Arguments& arguments, const oci::Seccomp& profile) {
  const std::string text = hardening::profile_text(profile);
  const std::string path = arguments.get("output");
  if (path.empty() || path == "-") {
    return arguments.has("lock") ? fail(ErrorCode::usage, "--lock needs a file: --output FILE") : print(text);
  }
  const Place place = place_of(path);
  TRY_ASSIGN(const UniqueFd directory, open_at(AT_FDCWD, place.directory, O_RDONLY | O_DIRECTORY));
  TRY(replace_file(directory.get(), place.name, text, 0644, true));
  return arguments.has("lock") ? lock(directory.get(), path, text) : Status{};
}

void say(const std::vector<std::string>& notes) {
  for (const auto& note : notes) {
    log_warning(note);
  }
}

Result<hardening::Policy> base_policy(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto host, hardening::load_host_config(globals.config));
  return hardening::load_policy(arguments.get("policy", host.policy), host.policy_dirs);
}

std::string lines(const char* sign, const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) {
    out += sign + text + "\n";
  }
  return out;
}

std::string use_json(const hardening::TraceUse& use) {
  return "{\"unused\":" + hardening::json_text(use.unused) + ",\"missing\":" + hardening::json_text(use.missing) +
         "}\n";
}

Result<bool> wants_json(const Arguments& arguments) {
  const std::string format = arguments.get("format", "text");
  if (format != "text" && format != "json") {
    return fail(ErrorCode::usage, "invalid format: " + format);
  }
  return format == "json";
}

}  // namespace

Result<int> generate_command(const Globals& globals, const Arguments& arguments) {
  if (arguments.rest.empty()) {
    return fail(ErrorCode::usage, "seccomp generate: expected traces");
  }
  TRY_ASSIGN(const auto traces, read_traces(arguments.rest));
  TRY_ASSIGN(const auto base, base_policy(globals, arguments));
  TRY_ASSIGN(const auto generated, hardening::generate_profile(traces, base.seccomp, arguments.has("denied")));
  say(generated.notes);
  if (!generated.added.empty()) {
    log_warning("in no trace, allowed for the runtime and the kernel: " + hardening::join(generated.added));
  }
  TRY(write_profile(arguments, generated.profile));
  return 0;
}

Result<int> merge_command(const Globals&, const Arguments& arguments) {
  if (arguments.rest.empty()) {
    return fail(ErrorCode::usage, "seccomp merge: expected profiles");
  }
  std::vector<oci::Seccomp> profiles;
  for (const std::string& path : arguments.rest) {
    TRY_ASSIGN(auto profile, read_profile(path));
    profiles.push_back(std::move(profile));
  }
  TRY_ASSIGN(const auto both, hardening::unite(profiles));
  say(both.notes);
  TRY(write_profile(arguments, both.profile));
  return 0;
}

Result<int> diff_command(const Globals&, const Arguments& arguments) {
  if (arguments.rest.size() != 2) {
    return fail(ErrorCode::usage, "seccomp diff: expected two profiles");
  }
  TRY_ASSIGN(const bool json, wants_json(arguments));
  TRY_ASSIGN(const auto before, read_profile(arguments.rest[0]));
  TRY_ASSIGN(const auto after, read_profile(arguments.rest[1]));
  TRY_ASSIGN(const auto difference, hardening::diff(before, after));
  TRY(print(json ? hardening::to_json(difference) : hardening::to_text(difference)));
  return difference.same() ? 0 : kDiffers;
}

Result<int> coverage_command(const Globals&, const Arguments& arguments) {
  if (arguments.rest.size() < 2) {
    return fail(ErrorCode::usage, "seccomp coverage: expected a profile and traces");
  }
  TRY_ASSIGN(const bool json, wants_json(arguments));
  TRY_ASSIGN(const auto profile, read_profile(arguments.rest.front()));
  TRY_ASSIGN(const auto traces, read_traces(std::span(arguments.rest).subspan(1)));
  TRY_ASSIGN(const auto use, hardening::profile_use(profile, traces));
  TRY(print(json ? use_json(use) : lines("unused   ", use.unused) + lines("missing  ", use.missing)));
  return use.unused.empty() && use.missing.empty() ? 0 : kDiffers;
}

}  // namespace nucleus::cli
