// The cgroup of a container that is being created: where it will be, making and limiting it, taking it back.
#pragma once

#include <optional>

#include "runtime/base/host_facts.hpp"
#include "runtime/base/result.hpp"
#include "runtime/plan/plan.hpp"
#include "runtime/state/record.hpp"
#include "runtime/sys/cgroup.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/sys/systemd.hpp"

namespace nucleus::launch {

// Under the systemd driver the cgroup is a scope's. A scope ends with its last process, and the container's first is born
// in the finished cgroup (CLONE_INTO_CGROUP): so a process of ours keeps the scope until then.
class ContainerCgroup {
 public:
  ContainerCgroup(const plan::CgroupPlan& plan, const CgroupFacts& facts) : plan_(plan), facts_(facts) {}
  ContainerCgroup(const ContainerCgroup&) = delete;
  ContainerCgroup& operator=(const ContainerCgroup&) = delete;

  // Writes into the record what `delete` must find after a crash. Nothing exists yet. Refuses a cgroup that has processes
  // and a unit that exists: `delete` and `kill --all` end whatever lives in what is recorded.
  [[nodiscard]] Status locate(state::Record& record);
  // Makes and limits it. What cannot be had is an error or a warning, as the plan says; systemd's refusal is an error.
  [[nodiscard]] Status make(state::Record& record);
  // Init is inside: what kept the place goes, and the limit of processes that counted it becomes exact.
  [[nodiscard]] Status settle();
  void commit() noexcept;
  // Everything in it must be dead or of no use.
  void undo() noexcept;

  // nullptr: none was planned, or none could be made.
  [[nodiscard]] const sys::CgroupHandle* handle() const noexcept { return handle_ ? &*handle_ : nullptr; }
  [[nodiscard]] int clone_fd() const noexcept { return handle_ ? handle_->clone_fd() : -1; }

 private:
  [[nodiscard]] Status locate_unit(state::Record& record);
  [[nodiscard]] Status start_unit(const UnitReference& unit);
  [[nodiscard]] Status limit();
  [[nodiscard]] Status report(const std::vector<sys::CgroupFailure>& failures) const;

  const plan::CgroupPlan& plan_;
  const CgroupFacts& facts_;
  std::optional<sys::SystemdManager> manager_;
  std::string unit_path_;                 // of the unit's cgroup, as /proc/PID/cgroup has it
  std::optional<UnitReference> started_;  // or perhaps only asked for
  sys::Child placeholder_;
  std::optional<sys::CgroupHandle> handle_;
  std::optional<sys::CgroupValue> exact_pids_;
};

}  // namespace nucleus::launch
