#include "runtime/sys/oom_watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "runtime/base/io.hpp"

namespace nucleus::sys {
namespace {

// "" when the cgroup is gone.
std::string text_of(int fd) {
  std::array<char, 1024> buffer{};
  const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), 0);
  return {buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

// The counter "oom_kill" of memory.events.
std::uint64_t kills(int fd) {
  const std::string text = text_of(fd);
  constexpr std::string_view kName = "oom_kill ";
  const std::size_t at = text.find(kName);
  std::uint64_t count = 0;
  if (at != std::string_view::npos) {
    std::from_chars(text.data() + at + kName.size(), text.data() + text.size(), count);
  }
  return count;
}

}  // namespace

Result<OomWatch> OomWatch::open(const CgroupHandle& cgroup) {
  if (cgroup.is_v2()) {
    TRY_ASSIGN(UniqueFd events, cgroup.open_file("memory", "memory.events", O_RDONLY));
    const std::uint64_t seen = kills(events.get());
    return OomWatch(std::move(events), UniqueFd(), seen);
  }
  TRY_ASSIGN(UniqueFd control, cgroup.open_file("memory", "memory.oom_control", O_RDONLY));
  TRY_ASSIGN(const UniqueFd registry, cgroup.open_file("memory", "cgroup.event_control", O_WRONLY));
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) {
    return fail_errno("eventfd");
  }
  const std::string pair = std::to_string(event.get()) + " " + std::to_string(control.get());
  TRY(write_all(registry.get(), pair, "cgroup.event_control"));
  return OomWatch(std::move(event), std::move(control), 0);
}

short OomWatch::poll_events() const noexcept { return control_ ? POLLIN : POLLPRI; }

// v1 signals before it kills, so its counter would still be the old one, and signals the cgroup's removal as well.
std::uint64_t OomWatch::take() {
  if (control_) {
    std::uint64_t signals = 0;
    const bool read = ::read(fd_.get(), &signals, sizeof signals) == sizeof signals;
    return read && !text_of(control_.get()).empty() ? signals : 0;
  }
  const std::uint64_t before = std::exchange(seen_, std::max(seen_, kills(fd_.get())));
  return seen_ - before;
}

}  // namespace nucleus::sys
