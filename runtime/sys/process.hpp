// Processes by handle: creation with clone3(2), signals and waiting through pidfds, what /proc/PID/stat tells.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

struct CloneArgs {
  std::uint64_t flags = 0;  // CLONE_NEW*, CLONE_PARENT; CLONE_PIDFD and CLONE_INTO_CGROUP are added as needed
  int cgroup_fd = -1;       // v2 cgroup directory the child is born in (CLONE_INTO_CGROUP, Linux 5.7)
};

struct Cloned {
  pid_t pid = -1;  // 0 in the child
  UniqueFd pidfd;  // the parent's handle, close-on-exec; empty in the child
};

// clone3(2) with the semantics of fork: the child runs on a copy of everything. The caller must be single-threaded,
// then the child may allocate. The exit signal is SIGCHLD; with CLONE_PARENT it is the caller's own (kernel rule).
[[nodiscard]] Result<Cloned> clone3(const CloneArgs& args);

[[nodiscard]] Result<UniqueFd> pidfd_open(pid_t pid);
[[nodiscard]] Status pidfd_send_signal(int pidfd, int signal);

// Owns a process. Destruction kills it with SIGKILL and reaps it, unless it was reaped or released.
class Child {
 public:
  Child() = default;
  Child(pid_t pid, UniqueFd pidfd) noexcept : pid_(pid), pidfd_(std::move(pidfd)) {}
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
  [[nodiscard]] explicit operator bool() const noexcept { return pid_ > 0; }

  [[nodiscard]] Status kill(int signal) const;
  // Wait statuses as waitpid(2) gives them. ECHILD for a sibling (CLONE_PARENT): its exit belongs to our parent.
  [[nodiscard]] Result<int> wait();
  [[nodiscard]] Result<std::optional<int>> try_wait();
  // Somebody else collected the exit status (a ptrace wait): nothing is left to kill or reap.
  void mark_reaped() noexcept;
  // Lets the process live on; it becomes an ordinary child of ours, or an orphan when we exit.
  pid_t release() noexcept;

 private:
  void kill_and_reap() noexcept;
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

// From /proc/PID/stat (proc(5)); parsed from the last ')' on, because comm may hold anything.
struct ProcessStat {
  char state = '?';              // field 3
  pid_t parent = 0;              // field 4
  std::uint32_t flags = 0;       // field 9, PF_*
  std::uint32_t threads = 0;     // field 20
  std::uint64_t start_time = 0;  // field 22, clock ticks since boot
};
[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);

// Errors: ENOENT or ESRCH when there is no such process.
[[nodiscard]] Result<ProcessStat> process_stat(pid_t pid);
[[nodiscard]] Result<std::uint64_t> process_start_time(pid_t pid);

// Zombie, dead, or inside exit: an init that waits for its pid namespace to empty is PF_EXITING for a while and runs
// nothing any more. A dead thread group leader whose other threads run is not over.
[[nodiscard]] bool is_over(const ProcessStat& stat);
// The process `pid` that started at `start_time` still exists and is not over. A recycled pid is another process.
[[nodiscard]] bool process_alive(pid_t pid, std::uint64_t start_time);

// Every descriptor from `first` on.
[[nodiscard]] Status close_from(unsigned first);
[[nodiscard]] Status set_cloexec_from(unsigned first);
[[nodiscard]] Status set_cloexec(int fd, bool on);

// `signal` when the parent thread dies. Fails with ESRCH when the parent, which must have been `expected_parent`,
// died before (0: do not check).
[[nodiscard]] Status set_parent_death_signal(int signal, pid_t expected_parent = 0);
// Off: no ptrace and no /proc/PID/* for others than root (CVE-2019-5736, CVE-2016-9962).
[[nodiscard]] Status set_dumpable(bool on);
[[nodiscard]] Status set_child_subreaper(bool on);

}  // namespace nucleus::sys
