// What the kernel says about a process: /proc/PID read through a private procfs. No interpretation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/sys/procfs.hpp"

namespace nucleus::launch {

struct MountEntry {
  std::string target;  // inside the process's root
  std::string type;
  std::string options;  // of the mount: "ro,nosuid,nodev,noexec,relatime"
};

struct KernelTruth {
  std::map<std::string, std::string> status;      // /proc/PID/status, key without colon
  std::map<std::string, std::string> namespaces;  // spec type -> "4:[4026531836]" (device:[inode])
  std::vector<MountEntry> mounts;                 // in mountinfo's order: the last entry for a target is on top
  std::map<std::string, std::string> limits;      // "Max core file size" -> "0 0"
  std::string cgroup;                             // /proc/PID/cgroup
  std::string filter;                             // the newest seccomp filter's bytes; "" where it cannot be read
};

// `traced`: the process is in a ptrace stop of ours, so that the seccomp filter can be dumped (PTRACE_SECCOMP_GET_FILTER).
[[nodiscard]] Result<KernelTruth> read_back(const sys::ProcHandle& proc, int pid, bool traced);

// Pure parsers of the above, for tests.
[[nodiscard]] std::map<std::string, std::string> parse_status(std::string_view text);
[[nodiscard]] std::vector<MountEntry> parse_mountinfo(std::string_view text);
[[nodiscard]] std::map<std::string, std::string> parse_limits(std::string_view text);

}  // namespace nucleus::launch
