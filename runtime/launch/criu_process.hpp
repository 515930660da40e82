// criu(8) as a child: found at fixed places or where --criu says, checked, executed by descriptor with an environment of
// our own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::launch {

// `said`: the value of --criu; "" and runc's default "criu" mean the system's. Errors: ErrorCode::usage for a path that is
// not absolute, one line when there is none or it is not root's alone. Only the host's root may run it.
[[nodiscard]] Result<UniqueFd> find_criu(const std::string& said);

struct CriuCommand {
  int program = -1;                    // of find_criu()
  std::vector<std::string> arguments;  // runtime/plan/criu.hpp
  std::string log_directory;
  std::string log;              // its name there; an old one is removed
  std::vector<int> inherited;   // descriptors that criu keeps
  sys::CloneArgs clone;         // namespaces and cgroup that it is born in
  std::function<Status()> set;  // in the child, before standard descriptors are replaced
  bool dies_with_us = false;
};

// Runs it to its end. An error tells criu's own first one, and where the log is.
[[nodiscard]] Status run_criu(const CriuCommand& command);

}  // namespace nucleus::launch
