// Control groups, v1 and v2 behind one handle: cgroups(7). Which values to write is decided by runtime/plan.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "runtime/base/host_facts.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/sys/device_bpf.hpp"

namespace nucleus::sys {

// What is mounted where and which cgroups the caller is in: statfs magic, /proc/self/mountinfo, /proc/self/cgroup.
[[nodiscard]] Result<CgroupFacts> find_cgroups();
// The same from the two files' texts; pure.
[[nodiscard]] CgroupFacts parse_cgroups(std::string_view mountinfo, std::string_view self_cgroup);

// One directory of a container's cgroup. Plain data: this is what the state file keeps.
struct CgroupDirectory {
  std::string controllers;  // v1: as in /proc/self/cgroup, "cpu,cpuacct" or "name=systemd"; v2: ""
  std::string path;         // absolute host path
  bool operator==(const CgroupDirectory&) const = default;
};

// Where cgroupsPath `path` lies in every hierarchy in use: all v1 hierarchies on v1 and hybrid hosts (the unified mount
// of a hybrid host has no part in it), the one of v2. `relative`: below the caller's own cgroup; on v2 beside it, as runc
// does, because a cgroup with processes in it cannot hand controllers down. ".." is refused.
[[nodiscard]] Result<std::vector<CgroupDirectory>> locate_cgroup(const CgroupFacts& facts, const std::string& path,
                                                                 bool relative);

// Those of `directories` that exist and are the caller's to write, or that the caller may make.
[[nodiscard]] std::vector<CgroupDirectory> permitted_cgroups(std::vector<CgroupDirectory> directories);

struct CgroupValue {
  std::string controller;  // "memory"; "" for files without one (v2 core)
  std::string file;        // "memory.max"
  std::string value;
  bool optional = false;  // a missing file is no failure
};

// One thing that could not be done; the caller decides whether that is a warning.
struct CgroupFailure {
  std::string subject;  // a directory or a file
  Error error;
};

// A container's cgroup. A created one is removed again on destruction unless commit() was called.
class CgroupHandle {
 public:
  // Makes the directories, enables controllers on the way (v2 subtree_control) and fills cpuset.cpus and cpuset.mems
  // from the parents where empty (v1). What failed is in failures(); an Error means that nothing is usable, among others
  // that a v2 cgroup is threaded: such a one cannot be listed, limited or killed as a whole.
  [[nodiscard]] static Result<CgroupHandle> create(const CgroupFacts& facts,
                                                   const std::vector<CgroupDirectory>& directories);
  // An existing one, for exec, update, kill and delete. Directories that are gone are left out.
  [[nodiscard]] static CgroupHandle open(const std::vector<CgroupDirectory>& directories);

  CgroupHandle(CgroupHandle&&) noexcept = default;
  CgroupHandle& operator=(CgroupHandle&&) = delete;
  ~CgroupHandle();
  void commit() noexcept { created_.clear(); }

  [[nodiscard]] const std::vector<CgroupFailure>& failures() const noexcept { return failures_; }
  [[nodiscard]] std::vector<CgroupDirectory> directories() const;
  [[nodiscard]] bool is_v2() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return nodes_.empty(); }

  // v2: for CloneArgs::cgroup_fd. -1 on v1.
  [[nodiscard]] int clone_fd() const noexcept;
  // v1: the single-threaded caller moves itself into every hierarchy by writing 0 to the `tasks` descriptors, which
  // were opened by create() or open() and may be inherited. Never a pid into cgroup.procs: that waits for an RCU grace
  // period (11 ms after idle against 47 us). v2: writes 0 to cgroup.procs; prefer clone_fd().
  [[nodiscard]] Status join_self() const;
  // v2: gives the directory and the files that Linux says can be delegated to `uid` (/sys/kernel/cgroup/delegate).
  [[nodiscard]] Status delegate_to(uid_t uid) const;
  // v2: the cgroup below this one that `pid` is in; ENOENT when it is elsewhere. What a container's init moved itself to.
  [[nodiscard]] Result<UniqueFd> inner_cgroup_of(const CgroupFacts& facts, pid_t pid) const;
  // Moves another process in; slow, for the cases where the process cannot do it itself.
  [[nodiscard]] Status add_process(pid_t pid) const;

  // Writes all values in order; goes on after a failure. ENOENT for a controller the host does not have.
  [[nodiscard]] std::vector<CgroupFailure> apply(std::span<const CgroupValue> values) const;
  // Replaces the device rules. v1: devices.deny "a" (or allow), then the rules in order. v2: a BPF program.
  [[nodiscard]] Status apply_device_rules(std::span<const DeviceRule> rules) const;
  // ENOENT when the controller or the file does not exist.
  [[nodiscard]] Result<std::string> read(const std::string& controller, const std::string& file) const;
  [[nodiscard]] Result<UniqueFd> open_file(const std::string& controller, const std::string& file, int flags) const;

  // Returns when all processes are frozen or thawed, at the latest after two seconds (ETIMEDOUT).
  [[nodiscard]] Status freeze() const;
  [[nodiscard]] Status thaw() const;
  [[nodiscard]] Result<bool> frozen() const;

  // All processes here and in cgroups below, each once, sorted; as numbers of the caller's pid namespace.
  [[nodiscard]] Result<std::vector<pid_t>> processes() const;
  // Every process, also ones that fork meanwhile: v2 cgroup.kill for SIGKILL, else under freeze. No process: success.
  [[nodiscard]] Status signal_all(int signal) const;
  // Removes the directories with everything below, waiting up to a second for processes that are still dying (EBUSY).
  // A missing one is fine. Not for a cgroup whose processes shall live.
  [[nodiscard]] Status remove();

 private:
  struct Node {
    CgroupDirectory directory;
    UniqueFd dir;    // O_DIRECTORY
    UniqueFd tasks;  // write end: v1 `tasks`, v2 `cgroup.procs`
  };
  CgroupHandle() = default;
  [[nodiscard]] const Node* node_of(const std::string& controller) const;
  [[nodiscard]] Status set_freezer(bool freeze) const;
  void note(std::string subject, Error error);
  void add_directory(const CgroupFacts& facts, const CgroupDirectory& directory);

  std::vector<Node> nodes_;
  std::vector<std::string> created_;  // in order of creation; removed in reverse on rollback
  std::vector<CgroupFailure> failures_;
};

}  // namespace nucleus::sys
