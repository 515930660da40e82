#include "runtime/watcher/serve.hpp"

#include <asm/unistd_64.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "hardening/seccomp_evaluator.hpp"
#include "hardening/seccomp_gate.hpp"
#include "runtime/base/io.hpp"
#include "runtime/sys/seccomp_notify.hpp"

namespace nucleus::watcher {
namespace {

using hardening::TraceVerdict;

constexpr std::uint32_t kHighestErrno = 4095;  // as the kernel caps it: beyond it is no error for the program
constexpr std::uint64_t kWriteEvery = 1000;    // milliseconds

}  // namespace

std::uint64_t milliseconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

Answer decide(const std::vector<sock_filter>& filter, bool learning, const seccomp_data& data) {
  const std::uint32_t value = hardening::evaluate(filter, data).value_or(SECCOMP_RET_KILL_PROCESS);
  const std::uint32_t action = value & SECCOMP_RET_ACTION_FULL;
  if (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG) {
    return {};
  }
  if (action != SECCOMP_RET_ERRNO) {
    return {false, ENOSYS, TraceVerdict::denied};
  }
  const auto number = static_cast<std::uint16_t>(std::min(value & SECCOMP_RET_DATA, kHighestErrno));
  std::array<std::uint64_t, hardening::kSyscallArgs> args{};
  for (std::size_t i = 0; i < args.size(); ++i) {
    args[i] = data.args[i];
  }
  if (learning && !hardening::on_floor(data.nr, args)) {
    return {true, number, TraceVerdict::learned};
  }
  return {false, number, TraceVerdict::denied};
}

bool Server::learning() const {
  return config_.learn > 0 && milliseconds_now() - shared_.begun < std::uint64_t{config_.learn} * 1000;
}

std::string Server::name_of(std::uint32_t pid) const {
  const UniqueFd file(::openat(proc_, (std::to_string(pid) + "/comm").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::array<char, 32> text{};
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : -1;
  const std::string name(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  return name.substr(0, name.find('\n'));
}

// A name is asked for while the process waits for its answer, and so is alive; that is seldom.
void Server::answer(const seccomp_notif& call) {
  const bool launching = config_.every_call && shared_.executed == 0;
  const bool executes = call.data.nr == __NR_execve || call.data.nr == __NR_execveat;
  const Answer what = launching && !executes ? Answer{} : decide(config_.filter, learning(), call.data);
  const Sighting sighting{Records::known(call.data), what.verdict, what.sys_errno};
  const bool noted = !launching || executes;
  const std::string name = noted && shared_.records.wants_name(sighting) ? name_of(call.pid) : std::string();
  (void)(what.go_on ? sys::let_call_go_on(descriptors_.listener.get(), call.id)
                    : sys::fail_call(descriptors_.listener.get(), call.id, what.sys_errno));
  if (executes) {
    shared_.executed = 1;
  }
  if (noted) {
    shared_.records.note(sighting, name);
  }
}

Status Server::serve_one() {
  TRY_ASSIGN(const auto id, sys::receive_call(descriptors_.listener.get(), shared_.call));
  if (id) {
    answer(shared_.call);
  }
  return {};
}

void Server::take_over() {
  if (shared_.call.id != 0) {
    answer(shared_.call);
  }
}

void Server::write_log(bool ended) {
  const int log = descriptors_.log.get();
  hardening::Trace head;
  head.container = config_.container;
  head.policy = config_.policy;
  head.digest = config_.digest;
  const std::string text = hardening::trace_head(head) + shared_.records.text() +
                           (ended ? hardening::trace_end(shared_.records.lost()) : std::string());
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::pwrite(log, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (written <= 0) {
      break;
    }
    done += static_cast<std::size_t>(written);
  }
  (void)!::ftruncate(log, static_cast<off_t>(done));
  written_ = shared_.records.changes();
  written_at_ = milliseconds_now();
}

void Server::write_if_due() {
  if (shared_.records.changes() != written_ && milliseconds_now() - written_at_ >= kWriteEvery) {
    write_log(false);
  }
}

Status Server::run() {
  for (;;) {
    pollfd polled{descriptors_.listener.get(), POLLIN, 0};
    const bool dirty = shared_.records.changes() != written_;
    const int ready = ::poll(&polled, 1, dirty ? static_cast<int>(kWriteEvery) : -1);
    if (ready < 0 && errno != EINTR) {
      return fail_errno("poll");
    }
    if (ready > 0 && (polled.revents & POLLIN) != 0) {
      TRY(serve_one());
    } else if (ready > 0) {
      return (polled.revents & POLLHUP) != 0 ? Status{} : fail(ErrorCode::internal, "the listener is broken");
    }
    write_if_due();
  }
}

}  // namespace nucleus::watcher
