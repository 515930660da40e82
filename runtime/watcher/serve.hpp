// The loop of a watcher.
#pragma once

#include "runtime/watcher/records.hpp"
#include "runtime/watcher/watcher.hpp"

namespace nucleus::watcher {

// What is done about a call.
struct Answer {
  bool go_on = true;
  std::uint16_t sys_errno = 0;  // when not
  hardening::TraceVerdict verdict = hardening::TraceVerdict::allowed;
};

// By the policy's filter; an error of it is let through while `learning`, unless the call is on the floor. Whatever else
// the filter says is ENOSYS.
[[nodiscard]] Answer decide(const std::vector<sock_filter>& filter, bool learning, const seccomp_data& data);

class Server {
 public:
  Server(const WatcherConfig& config, const WatcherDescriptors& descriptors, int proc, Shared& shared)
      : config_(config), descriptors_(descriptors), proc_(proc), shared_(shared) {}

  // After another process was killed: finishes the call it had in hand, which may also be an old one.
  void take_over();
  // Until nobody is under the filter any more. An error: the listener is broken.
  Status run();
  // The whole trace, with its last line when `ended`. A file that cannot be written changes nothing about what is allowed.
  void write_log(bool ended);

 private:
  Status serve_one();
  void answer(const seccomp_notif& call);
  [[nodiscard]] std::string name_of(std::uint32_t pid) const;
  [[nodiscard]] bool learning() const;
  void write_if_due();

  const WatcherConfig& config_;
  const WatcherDescriptors& descriptors_;
  int proc_;
  Shared& shared_;
  std::uint64_t written_ = 0;     // Records::changes() of the last write
  std::uint64_t written_at_ = 0;  // milliseconds
};

[[nodiscard]] std::uint64_t milliseconds_now();

}  // namespace nucleus::watcher
