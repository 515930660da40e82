#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include "oci/document.hpp"
#include "oci/validate.hpp"
#include "runtime/base/io.hpp"
#include "runtime/cli/bundle_command.hpp"
#include "runtime/launch/descriptors.hpp"
#include "runtime/launch/foreground.hpp"
#include "runtime/launch/receipt_take.hpp"
#include "runtime/launch/sealed_self.hpp"
#include "runtime/launch/tenant.hpp"

namespace nucleus::cli {
namespace {

constexpr Option kOptions[] = {{"process", 'p', "FILE", "process.json instead of the options below"},
                               {"detach", 'd', "", "return when the process runs"},
                               {"tty", 't', "", "give the process a terminal"},
                               {"console-socket", 0, "PATH", "unix socket that receives the terminal's master"},
                               {"pid-file", 0, "FILE", "where to write the pid of the process"},
                               {"cwd", 0, "DIR", "working directory"},
                               {"env", 'e', "NAME=VALUE", "environment variable (repeatable)"},
                               {"user", 'u', "UID[:GID]", "numeric ids"},
                               {"additional-gids", 'g', "GID", "supplementary group (repeatable)"},
                               {"cap", 'c', "CAP", "request a capability (repeatable)"},
                               {"no-new-privs", 0, "", "set no_new_privs"},
                               {"apparmor", 0, "PROFILE", "AppArmor profile"},
                               {"process-label", 0, "LABEL", "SELinux label"},
                               {"preserve-fds", 0, "N", "pass N descriptors after stderr to the process"},
                               {"ignore-paused", 0, "", "do not refuse a paused container"},
                               kHelpOption};

constexpr int kOwnFailure = 255;  // runc's status when exec itself fails

// A whole decimal number that fits a uid: no sign, blank, name or overflow (CVE-2026-30892).
Result<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == UINT32_MAX) {
    return fail(ErrorCode::usage, "--user: \"" + std::string(text) + "\" is not a numeric id");
  }
  return value;
}

Status set_user(const std::string& text, oci::User& user) {
  const std::size_t colon = text.find(':');
  TRY_ASSIGN(user.uid, parse_id(std::string_view(text).substr(0, colon)));
  if (colon != std::string::npos) {
    TRY_ASSIGN(user.gid, parse_id(std::string_view(text).substr(colon + 1)));
  }
  return {};
}

void request_capabilities(const std::vector<std::string>& names, oci::Process& process) {
  if (names.empty()) {
    return;
  }
  oci::Capabilities caps = process.capabilities.value_or(oci::Capabilities{});
  for (const auto& name : names) {
    for (auto* set : {&caps.bounding, &caps.effective, &caps.permitted}) {
      set->push_back(name);
    }
  }
  process.capabilities = std::move(caps);
}

// The container's own process with the options laid over it, as runc does.
Result<oci::Process> process_from_options(const launch::Container& container, const Arguments& arguments) {
  TRY_ASSIGN(const auto spec, launch::load_executed_spec(container.directory));
  oci::Process process = *spec.process;
  process.args.assign(arguments.rest.begin() + 1, arguments.rest.end());
  if (process.args.empty()) {
    return fail(ErrorCode::usage, "process args cannot be empty");
  }
  process.terminal = arguments.has("tty");
  process.console_size.reset();
  process.cwd = arguments.get("cwd", process.cwd);
  for (const auto& variable : arguments.all("env")) {
    process.env.push_back(variable);
  }
  if (arguments.has("user")) {
    TRY(set_user(arguments.get("user"), process.user));
  }
  for (const auto& group : arguments.all("additional-gids")) {
    TRY_ASSIGN(const auto gid, parse_id(group));
    process.user.additional_gids.push_back(gid);
  }
  request_capabilities(arguments.all("cap"), process);
  process.no_new_privileges = process.no_new_privileges || arguments.has("no-new-privs");
  process.apparmor_profile = arguments.get("apparmor", process.apparmor_profile);
  process.selinux_label = arguments.get("process-label", process.selinux_label);
  return process;
}

Result<oci::Process> process_from_file(const std::string& path) {
  constexpr std::size_t kLimit = 4 * 1024 * 1024;
  TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, path, kLimit));
  TRY_ASSIGN(auto process, oci::parse_process(text, path));
  TRY_WITH(oci::validate(process), path);
  return process;
}

Result<int> run(const Globals& globals, const Arguments& arguments) {
  TRY_ASSIGN(const auto id, container_id(arguments));
  TRY_ASSIGN(const long preserve, arguments.number("preserve-fds", 0, 0, 1024));
  TRY(launch::sanitize_descriptors(static_cast<unsigned>(preserve)));
  auto container = launch::find_container(globals.store(), id, launch::Locking::none);
  if (!container) {
    return tl::unexpected<Error>(std::move(container).error().with("exec failed"));
  }
  TRY_ASSIGN(const auto confinement, launch::load_confinement(container->directory));
  if (confinement.landlock.abi == 0) {
    TRY(launch::ensure_sealed_self(globals.argv));
  }
  TRY_ASSIGN(const auto process, arguments.has("process") ? process_from_file(arguments.get("process"))
                                                          : process_from_options(*container, arguments));
  TRY(oci::validate(process));
  const bool detach = arguments.has("detach");
  if (process.terminal && detach && !arguments.has("console-socket")) {
    return fail(ErrorCode::usage, "cannot allocate tty if runc will detach without setting console socket");
  }
  launch::TenantOptions options;
  options.pid_file = arguments.get("pid-file");
  options.console_socket = arguments.get("console-socket");
  options.preserve_fds = static_cast<unsigned>(preserve);
  options.ignore_paused = arguments.has("ignore-paused");
  if (!detach) {
    launch::hold_signals();
  }
  TRY_ASSIGN(auto tenant, launch::start_tenant(*container, process, options));
  return detach ? Result<int>(0) : launch::wait_in_foreground(tenant.pid, std::move(tenant.console));
}

}  // namespace

constinit const Command kExec = {
    "exec", "<container-id> <command> [args...]", "run a process in a container", kOptions, 1, -1, run, kOwnFailure};

}  // namespace nucleus::cli
