// The watcher: the process outside of a container that is told of its system calls (hardening/seccomp_watch.hpp), decides
// the ones that the gate leaves to it, and writes them down as a trace (hardening/trace_record.hpp).
//
// It is two processes of one mind. One works; the other holds the listener too, and when the first is killed it finishes
// the call that was in hand and works on, with the same records, which lie in memory of both. So a killed watcher neither
// stops the workload nor changes what is denied. When both are gone the kernel answers ENOSYS.
//
// What a call may do is decided by the policy's own filter, on the numbers that the kernel hands over: no memory of the
// workload is looked at. A process holds no capability, has no_new_privs, sees no files but those of /proc (Landlock), and
// has an allow-list of system calls. It ends when the last process under the filter has ended.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <vector>

#include "hardening/trace_record.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::watcher {

struct WatcherConfig {
  std::string container;  // the first line of the trace
  std::string policy;
  std::string digest;
  std::vector<sock_filter> filter;  // the policy's, which decides
  bool every_call = false;          // the listener reports the launch too: records begin with the execve
  std::uint32_t learn = 0;          // seconds from the start
};

struct WatcherDescriptors {
  UniqueFd listener;
  UniqueFd log;  // regular file, replaced by the trace: once a second while there is something new, and at the end
};

// Starts the two and returns the pid of the one that holds, which ends last. They are nobody's children, have their own
// session, stdio on /dev/null, and stay in the caller's cgroup. Any failure is an error, and then nothing runs. Must be
// single-threaded.
[[nodiscard]] Result<pid_t> start_watcher(const WatcherConfig& config, WatcherDescriptors descriptors);

}  // namespace nucleus::watcher
