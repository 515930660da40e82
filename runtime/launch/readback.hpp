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
  std::uint64_t id = 0;
};

// Where a path of the config leads, its symlinks resolved in the process's root: /var/run/x is a mount on /run/x in
// most images.
struct PathTruth {
  std::uint64_t mount = 0;  // id of the mount it lies on
  bool covered = false;     // it is that mount's root
};

struct KernelTruth {
  std::map<std::string, std::string> status;      // /proc/PID/status, key without colon
  std::map<std::string, std::string> namespaces;  // spec type -> "4:[4026531836]" (device:[inode])
  std::vector<MountEntry> mounts;                 // in mountinfo's order: the last entry for a target is on top
  std::map<std::string, std::string> limits;      // "Max core file size" -> "0 0"
  std::map<std::string, PathTruth> paths;         // by look_up(); what does not exist is not in it
  std::string cgroup;                             // /proc/PID/cgroup
  std::string oom_score;                          // /proc/PID/oom_score_adj, without its newline
  std::string label;                              // /proc/PID/attr/current; "" without a security module that labels
  std::string filter;                             // the newest seccomp filter's bytes; "" where it cannot be read
};

// `traced`: the process is in a ptrace stop of ours, so that the seccomp filter can be dumped (PTRACE_SECCOMP_GET_FILTER).
[[nodiscard]] Result<KernelTruth> read_back(const sys::ProcHandle& proc, int pid, bool traced);

// Fills in `truth.paths` (statx(2) STATX_MNT_ID, Linux 5.8; on older kernels it stays empty).
void look_up(const sys::ProcHandle& proc, int pid, const std::vector<std::string>& paths, KernelTruth& truth);

// Pure parsers of the above, for tests.
[[nodiscard]] std::map<std::string, std::string> parse_status(std::string_view text);
[[nodiscard]] std::vector<MountEntry> parse_mountinfo(std::string_view text);
[[nodiscard]] std::map<std::string, std::string> parse_limits(std::string_view text);

}  // namespace nucleus::launch
