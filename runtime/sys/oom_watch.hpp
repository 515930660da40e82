// Out-of-memory kills in a cgroup, as they happen: memory.oom_control with an eventfd on v1
// (Documentation/admin-guide/cgroup-v1/memory.rst), memory.events on v2.
#pragma once

#include <cstdint>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/sys/cgroup.hpp"

namespace nucleus::sys {

class OomWatch {
 public:
  // ENOENT where there is no memory controller.
  [[nodiscard]] static Result<OomWatch> open(const CgroupHandle& cgroup);

  // For poll(2): becomes ready, with the events of poll_events(), when take() should be called.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] short poll_events() const noexcept;
  // Number of kills (v2), of times the limit was hit for good (v1), since the last call. A cgroup that is gone has none.
  [[nodiscard]] std::uint64_t take();

 private:
  OomWatch(UniqueFd fd, UniqueFd control, std::uint64_t seen)
      : fd_(std::move(fd)), control_(std::move(control)), seen_(seen) {}

  UniqueFd fd_;             // v1: the eventfd; v2: memory.events
  UniqueFd control_;        // v1: memory.oom_control; empty on v2
  std::uint64_t seen_ = 0;  // v2
};

}  // namespace nucleus::sys
