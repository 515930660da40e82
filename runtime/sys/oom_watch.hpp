// Tells when the kernel's OOM killer took a process of a cgroup.
#pragma once

#include <cstdint>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/sys/cgroup.hpp"

namespace nucleus::sys {

// v1: an eventfd registered for memory.oom_control (cgroup-v1/memory.rst, chapter 10). v2: memory.events, whose
// descriptor signals POLLPRI on every change (cgroup-v2.rst).
class OomWatch {
 public:
  // ENOENT without a memory controller.
  [[nodiscard]] static Result<OomWatch> open(const CgroupHandle& cgroup);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] short poll_events() const noexcept;

  // After poll: how many times the killer struck since the last call. Never blocks. v1 signals the removal of the
  // cgroup as well, which does not count.
  [[nodiscard]] std::uint64_t take();

 private:
  OomWatch(UniqueFd fd, UniqueFd control) noexcept : fd_(std::move(fd)), control_(std::move(control)) {}
  UniqueFd fd_;
  UniqueFd control_;        // v1: memory.oom_control, unreadable once the cgroup is removed; empty on v2
  std::uint64_t seen_ = 0;  // v2: oom_kill so far
};

}  // namespace nucleus::sys
