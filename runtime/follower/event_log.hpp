// egress.log: a JSON object a line. The file stays below a bound; what goes then is the older part of its second half, so
// that both the beginning and the end of a container's story remain.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/follower/service.hpp"

namespace nucleus::follower {

inline constexpr std::uint64_t kLogLimit = 256 * 1024;

// {"time":1764370000,"event":"denied","name":"example.org","detail":"type 1","count":3} and a newline; `time` in seconds
// since 1970. Members that are empty, and a count of 1, are left out. Bytes outside printable ASCII become '?'.
[[nodiscard]] std::string event_line(const Event& event, std::int64_t time);

class EventLog {
 public:
  // Borrows `fd`, a regular file opened O_APPEND; -1: nothing is written.
  explicit EventLog(int fd);
  void write(const Event& event);

 private:
  int fd_;
  std::uint64_t size_ = 0;
};

}  // namespace nucleus::follower
