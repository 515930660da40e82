// nucleus-oci: argv -> command. Everything a command decides or does lives in its own file.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "oci/documents.hpp"
#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/cli/command.hpp"
#include "runtime/cli/places.hpp"

namespace nucleus::cli {
namespace {

constexpr int kUnknownCommand = 3;  // runc's status

// A runtime started with 0, 1 or 2 closed would otherwise open its own files there and hand them to the container.
void ensure_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0) {
      (void)::open("/dev/null", O_RDWR);
    }
  }
}

std::string version_text() {
  return "nucleus-oci version " NUCLEUS_VERSION "\nspec: " + std::string(oci::kSpecVersion) + "\n";
}

std::string help_text() {
  std::string out =
      "nucleus-oci - run OCI bundles under much stricter defaults\n\nusage: nucleus-oci [global options] "
      "command [options] [arguments]\n\ncommands:\n";
  for (const Command& command : commands()) {
    std::string line = "   " + std::string(command.name);
    line.resize(16, ' ');
    out += line + std::string(command.help) + "\n";
  }
  return out + "\nglobal options:\n" + describe_options(global_options());
}

std::string command_help(const Command& command) {
  return "usage: nucleus-oci " + std::string(command.name) + " [options] " + std::string(command.arguments) + "\n\n" +
         std::string(command.help) + "\n\noptions:\n" + describe_options(command.options);
}

Status read_cgroup_manager(const Arguments& arguments, Globals& out) {
  const std::string manager = arguments.get("cgroup-manager", "cgroupfs");
  if (manager != "cgroupfs" && manager != "systemd" && manager != "disabled") {
    return fail(ErrorCode::usage, "invalid cgroup-manager: " + manager);
  }
  out.systemd_cgroup = arguments.has("systemd-cgroup") || manager == "systemd";
  out.no_cgroups = manager == "disabled";
  return {};
}

Result<Globals> globals_from(const Arguments& arguments) {
  Globals out;
  out.debug = arguments.has("debug") || arguments.get("log-level") == "debug";
  const std::string format = arguments.get("log-format", "text");
  if (format != "text" && format != "json") {
    return fail(ErrorCode::usage, "invalid log-format: " + format);
  }
  configure_log({arguments.get("log"), format == "json" ? LogFormat::json : LogFormat::text, out.debug});
  TRY(read_cgroup_manager(arguments, out));
  out.criu = arguments.get("criu");
  out.config = arguments.get("config", default_config());
  if (arguments.has("root")) {
    out.root = arguments.get("root");
  } else {
    TRY_ASSIGN(out.root, default_root());
  }
  if (out.root.empty() || out.root.front() != '/') {
    std::array<char, 4096> cwd{};
    if (::getcwd(cwd.data(), cwd.size()) == nullptr) {
      return fail_errno("getcwd");
    }
    out.root = std::string(cwd.data()) + "/" + out.root;
  }
  return out;
}

Status check_count(const Command& command, std::size_t given) {
  const auto least = static_cast<std::size_t>(command.least);
  if (given >= least && (command.most < 0 || given <= static_cast<std::size_t>(command.most))) {
    return {};
  }
  const std::string name = "\"" + std::string(command.name) + "\" requires ";
  const std::string bound =
      command.least == command.most ? "exactly " : (given < least ? "a minimum of " : "a maximum of ");
  return fail(ErrorCode::usage,
              name + bound + std::to_string(given < least ? command.least : command.most) + " argument(s)");
}

int report(const Error& error, int status) {
  log_fatal(error.text);
  return status;
}

// runc's way: how to call it on stdout, what was wrong on stderr and in the log.
int report_usage(const Error& error, std::string_view help) {
  (void)print("Incorrect Usage: " + error.text + "\n\n" + std::string(help));
  return report(error, 1);
}

int run_command(const Globals& globals, const Command& command, const std::vector<std::string>& words) {
  const auto arguments = parse_options(command.options, words);
  if (!arguments) {
    return report_usage(arguments.error(), command_help(command));
  }
  if (arguments->has("help")) {
    return print(command_help(command)) ? 0 : 1;
  }
  if (const Status counted = check_count(command, arguments->rest.size()); !counted) {
    return report_usage(counted.error(), command_help(command));
  }
  const auto status = command.run(globals, *arguments);
  return status ? *status : report(status.error(), command.failure_status);
}

const Command* find_command(std::string_view name) {
  const auto all = commands();
  const auto hit = std::find_if(all.begin(), all.end(), [&](const Command& entry) { return entry.name == name; });
  return hit == all.end() ? nullptr : &*hit;
}

int no_such_command(const std::string& name) {
  return report({ErrorCode::usage, 0, "No help topic for '" + name + "'"}, kUnknownCommand);
}

// "" is about all commands.
int help(const std::string& name) {
  const Command* command = find_command(name);
  if (command == nullptr && !name.empty()) {
    return no_such_command(name);
  }
  return print(name.empty() ? help_text() : command_help(*command)) ? 0 : 1;
}

int dispatch(const std::vector<std::string>& words, char** argv) {
  auto arguments = parse_options(global_options(), words);
  if (!arguments) {
    return report_usage(arguments.error(), help_text());
  }
  if (arguments->has("version")) {
    return print(version_text()) ? 0 : 1;
  }
  if (arguments->has("help") || arguments->rest.empty()) {
    return help("");
  }
  if (arguments->rest.front() == "help") {
    return help(arguments->rest.size() > 1 ? arguments->rest[1] : "");
  }
  auto globals = globals_from(*arguments);
  if (!globals) {
    return report(globals.error(), 1);
  }
  globals->argv = argv;
  const std::string name = arguments->rest.front();
  const Command* command = find_command(name);
  if (command == nullptr) {
    return no_such_command(name);
  }
  return run_command(*globals, *command, {arguments->rest.begin() + 1, arguments->rest.end()});
}

}  // namespace

}  // namespace nucleus::cli

int main(int argc, char** argv) {
  if (argc < 1) {
    return 1;  // execve with an empty argv (CVE-2021-4034)
  }
  nucleus::cli::ensure_standard_descriptors();
  return nucleus::cli::dispatch(std::vector<std::string>(argv + 1, argv + argc), argv);
}
