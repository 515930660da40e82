// What create and run share: their options and the way from arguments to a created container.
#pragma once

#include <memory>

#include "runtime/cli/pipeline.hpp"
#include "runtime/launch/launch.hpp"

namespace nucleus::cli {

inline constexpr Option kBundleOption = {"bundle", 'b', "DIR", "bundle directory (default: the working directory)"};
inline constexpr Option kConsoleOption = {"console-socket", 0, "PATH",
                                          "unix socket that receives the terminal's master"};
inline constexpr Option kPidFileOption = {"pid-file", 0, "FILE", "where to write the pid of the container's init"};
inline constexpr Option kPreserveOption = {"preserve-fds", 0, "N", "pass N descriptors after stderr to the container"};
inline constexpr Option kKeyringOption = {"no-new-keyring", 0, "", "keep the caller's session keyring"};
inline constexpr Option kPivotOption = {"no-pivot", 0, "",
                                        "refused: the container would keep a way to the host's root"};
inline constexpr Option kHelpOption = {"help", 'h', "", "print this text"};

// Decided and planned, ready to be carried out.
struct Prepared {
  Decision decision;
  plan::LaunchPlan plan;
  hardening::Confinement confinement;

  // Borrows from this.
  [[nodiscard]] launch::LaunchInput input() const;
};

// All that precedes the kernel's work, for create, run and restore. `foreground`: the caller relays a terminal. On the heap,
// because a LaunchInput borrows from it.
[[nodiscard]] Result<std::unique_ptr<const Prepared>> prepare_launch(const Globals& globals, const Arguments& arguments,
                                                                     bool foreground);

// Decides, plans, launches. The result's container waits for its start.
[[nodiscard]] Result<launch::Launched> create_from_bundle(const Globals& globals, const Arguments& arguments,
                                                          bool keep_channel);

}  // namespace nucleus::cli
