#include "runtime/sys/oom_watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "runtime/base/io.hpp"

namespace nucleus::sys {
namespace {

// "oom_kill N" of memory.events; nothing when it cannot be read, as after the cgroup's removal.
std::optional<std::uint64_t> oom_kills(int fd) {
  std::array<char, 4096> buffer{};
  const ssize_t size = ::pread(fd, buffer.data(), buffer.size(), 0);
  if (size <= 0) {
    return std::nullopt;
  }
  const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  constexpr std::string_view kKey = "oom_kill ";
  const std::size_t at = text.find(kKey);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  std::uint64_t count = 0;
  std::from_chars(text.data() + at + kKey.size(), text.data() + text.size(), count);
  return count;
}

Result<UniqueFd> register_eventfd(const CgroupHandle& cgroup, int control) {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) {
    return fail_errno("eventfd");
  }
  TRY_ASSIGN(const UniqueFd registry, cgroup.open_file("memory", "cgroup.event_control", O_WRONLY));
  TRY(write_all(registry.get(), std::to_string(event.get()) + " " + std::to_string(control), "cgroup.event_control"));
  return event;
}

bool readable(int fd) {
  char byte = 0;
  return ::pread(fd, &byte, 1, 0) == 1;
}

}  // namespace

Result<OomWatch> OomWatch::open(const CgroupHandle& cgroup) {
  if (!cgroup.is_v2()) {
    TRY_ASSIGN(UniqueFd control, cgroup.open_file("memory", "memory.oom_control", O_RDONLY));
    TRY_ASSIGN(UniqueFd event, register_eventfd(cgroup, control.get()));
    return OomWatch(std::move(event), std::move(control));
  }
  TRY_ASSIGN(UniqueFd events, cgroup.open_file("memory", "memory.events", O_RDONLY));
  OomWatch watch(std::move(events), UniqueFd());
  watch.seen_ = oom_kills(watch.fd()).value_or(0);
  return watch;
}

short OomWatch::poll_events() const noexcept { return control_ ? POLLIN : POLLPRI; }

std::uint64_t OomWatch::take() {
  if (control_) {
    std::uint64_t count = 0;
    const bool told = ::read(fd_.get(), &count, sizeof count) == static_cast<ssize_t>(sizeof count);
    return told && readable(control_.get()) ? count : 0;
  }
  const std::uint64_t now = oom_kills(fd_.get()).value_or(seen_);
  const std::uint64_t fresh = now > seen_ ? now - seen_ : 0;
  seen_ = now;
  return fresh;
}

}  // namespace nucleus::sys
