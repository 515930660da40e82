#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "runtime/base/io.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::sys {
namespace {

constexpr std::uint32_t kPfExiting = 0x4;  // PF_EXITING, include/linux/sched.h; visible in field 9

template <class T>
bool parse_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  const auto comm_end = text.rfind(')');
  if (comm_end == std::string_view::npos) {
    return std::nullopt;
  }
  constexpr std::size_t kFirst = 3;  // number of the first field after comm, proc(5)
  constexpr std::size_t kLast = 22;
  std::array<std::string_view, kLast - kFirst + 1> fields;
  std::size_t count = 0;
  for (std::size_t at = comm_end + 1; at < text.size() && count < fields.size();) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    const auto end = std::min(text.find_first_of(" \n", at), text.size());
    fields[count++] = text.substr(at, end - at);
    at = end + 1;
  }
  ProcessStat stat;
  const auto field = [&](std::size_t number) { return fields[number - kFirst]; };
  if (count < fields.size() || field(3).size() != 1 || !parse_number(field(4), stat.parent) ||
      !parse_number(field(9), stat.flags) || !parse_number(field(20), stat.threads) ||
      !parse_number(field(22), stat.start_time)) {
    return std::nullopt;
  }
  stat.state = field(3)[0];
  return stat;
}

Result<ProcessStat> process_stat(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, path, 64 * 1024));
  const auto stat = parse_process_stat(text);
  if (!stat) {
    return fail(ErrorCode::internal, path + ": unexpected format");
  }
  return *stat;
}

Result<std::uint64_t> process_start_time(pid_t pid) {
  TRY_ASSIGN(const ProcessStat stat, process_stat(pid));
  return stat.start_time;
}

bool is_over(const ProcessStat& stat) {
  const bool ending = stat.state == 'Z' || stat.state == 'X' || stat.state == 'x' || (stat.flags & kPfExiting) != 0;
  return ending && stat.threads <= 1;
}

bool process_alive(pid_t pid, std::uint64_t start_time) {
  const auto stat = process_stat(pid);
  return stat && stat->start_time == start_time && !is_over(*stat);
}

}  // namespace nucleus::sys
