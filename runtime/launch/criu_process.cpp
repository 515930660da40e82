#include "runtime/launch/criu_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/base/user_namespace.hpp"
#include "runtime/launch/c_strings.hpp"
#include "runtime/launch/reports.hpp"
#include "runtime/plan/criu.hpp"
#include "runtime/sys/trusted_program.hpp"

namespace nucleus::launch {
namespace {

constexpr std::array kPlaces = {"/usr/sbin/criu", "/usr/bin/criu", "/usr/local/sbin/criu",
                                "/run/current-system/sw/bin/criu"};  // the last is NixOS's
constexpr std::size_t kLargestLog = 256U << 20U;
constexpr std::size_t kMostSaid = 64U << 10U;

Result<UniqueFd> collector() {
  UniqueFd fd(static_cast<int>(::syscall(SYS_memfd_create, "criu", 1U /* MFD_CLOEXEC */)));
  return fd ? Result<UniqueFd>(std::move(fd)) : fail_errno("memfd for criu's output");
}

void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGCHLD, SIG_DFL);
  ::signal(SIGPIPE, SIG_DFL);
}

Status keep(const std::vector<int>& descriptors) {
  TRY(sys::set_cloexec_from(3));
  for (const int fd : descriptors) {
    TRY(sys::set_cloexec(fd, false));
  }
  return {};
}

Status set_up(const CriuCommand& command, int output) {
  reset_signals();
  if (command.dies_with_us) {
    TRY(sys::set_parent_death_signal(SIGKILL));
  }
  if (command.set) {
    TRY(command.set());
  }
  TRY_ASSIGN(const UniqueFd null, open_at(AT_FDCWD, "/dev/null", O_RDONLY));
  if (::dup2(null.get(), STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 || ::dup2(output, STDERR_FILENO) < 0) {
    return fail_errno("criu's standard descriptors");
  }
  return keep(command.inherited);
}

// criu itself runs ip, tar and iptables-save by name.
[[noreturn]] void become_criu(const CriuCommand& command, int output) {
  Status ready = set_up(command, output);
  if (ready) {
    std::vector<std::string> words = command.arguments;
    std::vector<std::string> environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    auto argv = c_strings(words);
    auto envp = c_strings(environment);
    ::syscall(SYS_execveat, command.program, "", argv.data(), envp.data(), AT_EMPTY_PATH);
    ready = fail_errno("exec criu");
  }
  (void)write_all(output, "Error (nucleus): " + ready.error().text + "\n", "criu's output");
  ::_exit(127);
}

std::string said_by(int output) {
  if (::lseek(output, 0, SEEK_SET) != 0) {
    return {};
  }
  return read_all(output, kMostSaid, "criu's output").value_or(std::string());
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text.substr(text.rfind('\n') + 1);
}

// criu writes to its log once it has opened it, before that to stderr.
Error reason(const CriuCommand& command, int output, int status) {
  const std::string path = command.log_directory + "/" + command.log;
  const auto log = read_file(AT_FDCWD, path, kLargestLog);
  const std::string said = said_by(output);
  std::string why = log ? plan::first_error(*log) : std::string();
  const std::string where = why.empty() ? std::string() : " (" + path + ")";
  why = why.empty() ? plan::first_error(said) : why;
  why = why.empty() ? last_line(said) : why;
  why = why.empty() ? describe_exit(status) : why;
  return {ErrorCode::kernel, 0, "criu failed: " + why + where};
}

}  // namespace

Result<UniqueFd> find_criu(const std::string& said) {
  if (::geteuid() != 0 || in_user_namespace()) {
    return fail(ErrorCode::usage, "checkpoint and restore are for the host's root: criu needs its rights");
  }
  if (!said.empty() && said != "criu") {
    if (said.front() != '/') {
      return fail(ErrorCode::usage, "--criu: " + said + " is not an absolute path");
    }
    return sys::open_trusted_program(said);
  }
  for (const char* place : kPlaces) {
    auto found = sys::open_trusted_program(place);
    if (found || found.error().sys_errno == 0) {
      return found;
    }
  }
  return fail(ErrorCode::usage, "criu is not installed: checkpoint and restore need it (Debian: criu)");
}

Status run_criu(const CriuCommand& command) {
  const std::string log = command.log_directory + "/" + command.log;
  if (::unlink(log.c_str()) != 0 && errno != ENOENT) {
    return fail_errno("remove the old " + log);
  }
  TRY_ASSIGN(const UniqueFd output, collector());
  TRY_ASSIGN(auto cloned, sys::clone3(command.clone));
  if (cloned.pid == 0) {
    become_criu(command, output.get());
  }
  sys::Child child(cloned.pid, std::move(cloned.pidfd));
  TRY_ASSIGN(const int status, child.wait());
  return status == 0 ? Status{} : Status(tl::unexpected<Error>(reason(command, output.get(), status)));
}

}  // namespace nucleus::launch
