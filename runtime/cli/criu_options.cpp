#include "runtime/cli/criu_options.hpp"

#include <algorithm>
#include <array>

#include "runtime/cli/pipeline.hpp"

namespace nucleus::cli {

Result<std::string> cgroups_mode(const Arguments& arguments) {
  constexpr std::array kModes = {"soft", "full", "strict", "ignore"};
  const std::string mode = arguments.get("manage-cgroups-mode", "soft");
  return std::ranges::find(kModes, mode) == kModes.end()
             ? Result<std::string>(fail(ErrorCode::usage, "Invalid manage cgroups mode: " + mode))
             : mode;
}

Result<plan::CriuChoices> criu_choices(const Arguments& arguments) {
  plan::CriuChoices out;
  TRY_ASSIGN(out.images, absolute_path(arguments.get("image-path", "checkpoint")));
  if (!arguments.get("work-path").empty()) {
    TRY_ASSIGN(out.work, absolute_path(arguments.get("work-path")));
  }
  for (const auto& name : arguments.all("empty-ns")) {
    if (name != "network") {
      return fail(ErrorCode::usage, "namespace " + name + " is not supported");
    }
    out.empty_network = true;
  }
  TRY(cgroups_mode(arguments));
  out.tcp_established = arguments.has("tcp-established");
  out.ext_unix_sk = arguments.has("ext-unix-sk");
  out.shell_job = arguments.has("shell-job");
  out.file_locks = arguments.has("file-locks");
  out.lazy_pages = arguments.has("lazy-pages");
  out.auto_dedup = arguments.has("auto-dedup");
  return out;
}

}  // namespace nucleus::cli
