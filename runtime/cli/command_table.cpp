// Every command and every option before it. The command line, its help, the manual pages and the shells' completion are
// made of these tables.
#include <array>

#include "runtime/cli/command.hpp"

namespace nucleus::cli {
namespace {

constexpr std::array<Option, 12> kGlobalOptions = {{
    {"root", 0, "DIR", "state root (default /run/nucleus, or $XDG_RUNTIME_DIR/nucleus without root)"},
    {"log", 0, "FILE", "where the fatal error is appended"},
    {"log-format", 0, "text|json", "how it is written"},
    {"debug", 0, "", "say more on stderr"},
    {"config", 0, "FILE", "host configuration (default /etc/nucleus/nucleus.toml)"},
    {"systemd-cgroup", 0, "", "the cgroup is a systemd scope; cgroupsPath is slice:prefix:name"},
    {"cgroup-manager", 0, "cgroupfs|systemd|disabled", "as crun spells it; disabled: no cgroup and no limits"},
    {"rootless", 0, "VALUE", "accepted for runc's sake; detected"},
    {"criu", 0, "PATH", "criu instead of the system's: absolute, root's, not writable by others"},
    {"log-level", 0, "LEVEL", "debug is the same as --debug"},
    {"version", 'v', "", "print the version"},
    {"help", 'h', "", "print this text"},
}};

}  // namespace

std::span<const Option> global_options() { return kGlobalOptions; }

std::span<const Command> commands() {
  static const std::array<Command, 24> kAll = {
      kCreate,     kStart,   kRun,    kExec, kState,    kList,    kPs,   kKill,    kPause, kResume, kUpdate,  kEvents,
      kCheckpoint, kRestore, kDelete, kSpec, kFeatures, kExplain, kPlan, kReceipt, kCheck, kPolicy, kSeccomp, kAttest};
  return kAll;
}

}  // namespace nucleus::cli
