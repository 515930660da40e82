// A command: its table entry and what it gets.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/container_id.hpp"
#include "runtime/base/result.hpp"
#include "runtime/cli/options.hpp"
#include "runtime/state/store.hpp"

namespace nucleus::cli {

// Options before the command.
struct Globals {
  std::string root;
  std::string config;
  bool systemd_cgroup = false;
  bool no_cgroups = false;  // --cgroup-manager disabled, which podman gives for --cgroups=disabled
  bool debug = false;
  std::string criu;       // --criu
  char** argv = nullptr;  // the whole command line, for the re-execution of sealed_self.hpp

  [[nodiscard]] state::Store store() const { return state::Store(root); }
};

struct Command {
  std::string_view name;
  std::string_view arguments;  // "<container-id>"
  std::string_view help;
  std::span<const Option> options;
  int least = 0;  // number of arguments after the options
  int most = 0;   // -1: any number
  // The exit status; an Error is printed by main and becomes `failure_status`.
  Result<int> (*run)(const Globals&, const Arguments&);
  int failure_status = 1;
};

// command_table.cpp: the options before the command, and the commands in the order of the help text.
[[nodiscard]] std::span<const Option> global_options();
[[nodiscard]] std::span<const Command> commands();

// Entry of each command, one file per command (cmd_NAME.cpp).
extern const Command kCreate, kStart, kRun, kExec, kState, kList, kPs, kKill, kDelete, kSpec, kFeatures, kExplain,
    kPlan, kReceipt, kCheck, kSeccomp, kPolicy, kPause, kResume, kUpdate, kEvents, kCheckpoint, kRestore, kAttest;

// rest[0] as a container id.
[[nodiscard]] Result<ContainerId> container_id(const Arguments& arguments);

[[nodiscard]] Status print(std::string_view text);

}  // namespace nucleus::cli
