#include "runtime/sys/id_map_helper.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "runtime/base/io.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/sys/trusted_program.hpp"

namespace nucleus::sys {
namespace {

constexpr std::array kDirectories = {"/usr/bin/", "/run/wrappers/bin/"};  // the second is NixOS's
constexpr std::size_t kLongestAnswer = 4096;

std::string name_of(IdKind kind) { return kind == IdKind::user ? "newuidmap" : "newgidmap"; }

// Whoever may write it decides about the user's ids anyway; but a file of somebody else's is not the system's helper.
Result<UniqueFd> open_helper(IdKind kind) {
  for (const char* directory : kDirectories) {
    const std::string path = directory + name_of(kind);
    auto found = open_trusted_program(path);
    if (found || found.error().sys_errno == 0) {
      return found;
    }
  }
  return fail(ErrorCode::kernel, "the mapping needs " + name_of(kind) + ", which is not installed (Debian: uidmap)");
}

std::vector<std::string> arguments(IdKind kind, pid_t pid, const std::vector<IdRange>& ranges) {
  std::vector<std::string> out = {name_of(kind), std::to_string(pid)};
  for (const auto& range : ranges) {
    out.push_back(std::to_string(range.container_id));
    out.push_back(std::to_string(range.host_id));
    out.push_back(std::to_string(range.size));
  }
  return out;
}

// The environment stays empty: nothing of the caller's reaches a set-user-ID program.
[[noreturn]] void become_helper(int helper, std::vector<std::string>& words, int answer) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  char* const environment[] = {nullptr};
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0 && ::dup2(null, STDIN_FILENO) >= 0 && ::dup2(answer, STDOUT_FILENO) >= 0 &&
      ::dup2(answer, STDERR_FILENO) >= 0 && set_cloexec_from(3)) {
    ::syscall(SYS_execveat, helper, "", argv.data(), environment, AT_EMPTY_PATH);
  }
  ::_exit(127);
}

tl::unexpected<Error> refused(IdKind kind, std::string answer) {
  while (!answer.empty() && answer.back() == '\n') {
    answer.pop_back();
  }
  const std::string file = kind == IdKind::user ? "/etc/subuid" : "/etc/subgid";
  const std::string id = std::to_string(kind == IdKind::user ? ::geteuid() : ::getegid());
  return fail(ErrorCode::kernel, (answer.empty() ? name_of(kind) + " failed" : answer) + " (a user maps its own id, " +
                                     id + ", and the ranges that " + file + " gives to it)");
}

}  // namespace

Status write_id_map_by_helper(IdKind kind, pid_t pid, const std::vector<IdRange>& ranges) {
  TRY_ASSIGN(const UniqueFd helper, open_helper(kind));
  auto words = arguments(kind, pid, ranges);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail_errno("pipe");
  }
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  TRY_ASSIGN(auto cloned, clone3({}));
  if (cloned.pid == 0) {
    become_helper(helper.get(), words, writer.get());
  }
  Child child(cloned.pid, std::move(cloned.pidfd));
  writer.reset();
  TRY_ASSIGN(std::string answer, read_all(reader.get(), kLongestAnswer, name_of(kind)));
  TRY_ASSIGN(const int status, child.wait());
  return status == 0 ? Status{} : refused(kind, std::move(answer));
}

}  // namespace nucleus::sys
