#include "runtime/follower/event_log.hpp"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace nucleus::follower {
namespace {

void put_text(std::string& line, std::string_view key, std::string_view value) {
  if (value.empty()) {
    return;
  }
  line.append(",\"").append(key).append("\":\"");
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      line.push_back('\\');
    }
    line.push_back(c >= ' ' && c <= '~' ? c : '?');
  }
  line.push_back('"');
}

}  // namespace

std::string event_line(const Event& event, std::int64_t time) {
  std::string line = "{\"time\":" + std::to_string(time);
  put_text(line, "event", event.kind);
  put_text(line, "name", event.name);
  put_text(line, "detail", event.detail);
  if (event.count != 1) {
    line += ",\"count\":" + std::to_string(event.count);
  }
  return line + "}\n";
}

EventLog::EventLog(int fd) : fd_(fd) {
  struct stat status {};
  if (fd_ >= 0 && ::fstat(fd_, &status) == 0) {
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
}

// A log that cannot be written changes nothing about what is allowed.
void EventLog::write(const Event& event) {
  if (fd_ < 0) {
    return;
  }
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::string line = event_line(event, now.tv_sec);
  if (size_ + line.size() > kLogLimit) {
    if (::ftruncate(fd_, kLogLimit / 2) != 0) {
      return;
    }
    size_ = kLogLimit / 2;
    (void)!::write(fd_, "\n", 1);  // the cut may be inside a line
    ++size_;
  }
  if (::write(fd_, line.data(), line.size()) == static_cast<ssize_t>(line.size())) {
    size_ += line.size();
  }
}

}  // namespace nucleus::follower
