#include "runtime/launch/hooks.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/launch/c_strings.hpp"

namespace nucleus::launch {
namespace {

// What the child says when it could not become the hook; a successful execve closes the pipe unsaid.
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> failure_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail_errno("pipe for a hook");
  }
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

[[noreturn]] void become_hook(const oci::Hook& hook, const std::string& directory, int input, int failure) {
  std::vector<std::string> args = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
  auto argv = c_strings(args);
  auto envp = c_strings(hook.env);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // A bundle may be gone when a poststop hook runs.
  const bool placed = directory.empty() || ::chdir(directory.c_str()) == 0 || ::chdir("/") == 0;
  if (placed && ::dup2(input, STDIN_FILENO) >= 0) {
    ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    ::execve(hook.path.c_str(), argv.data(), envp.data());
  }
  const int reason = errno;
  (void)!::write(failure, &reason, sizeof reason);
  ::_exit(127);
}

// The state document fits a pipe (64 KiB) except with huge annotations: a file keeps the writer from blocking.
Result<UniqueFd> state_input(const std::string& state) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_memfd_create, "state", 1U /* MFD_CLOEXEC */)));
  if (!fd) {
    return fail_errno("memfd for hook state");
  }
  TRY(write_all(fd.get(), state, "hook state"));
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) {
    return fail_errno("rewind hook state");
  }
  return fd;
}

// false: the time is over.
bool wait_exit(int pidfd, std::int64_t timeout_seconds) {
  pollfd wait{pidfd, POLLIN, 0};
  const bool bounded = timeout_seconds > 0;
  const int milliseconds = bounded ? static_cast<int>(std::min<std::int64_t>(timeout_seconds, 2'000'000) * 1000) : -1;
  int ready = 0;
  do {
    ready = ::poll(&wait, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

std::string outcome(int status) {
  if (WIFSIGNALED(status)) {
    return "killed by signal " + std::to_string(WTERMSIG(status));
  }
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

Status run_one(const oci::Hook& hook, const std::string& state, const std::string& directory) {
  TRY_ASSIGN(const UniqueFd input, state_input(state));
  TRY_ASSIGN(Pipe failure, failure_pipe());
  const pid_t pid = ::fork();
  if (pid < 0) {
    return fail_errno("fork");
  }
  if (pid == 0) {
    become_hook(hook, directory, input.get(), failure.write.get());
  }
  failure.write.reset();
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
  const bool in_time = wait_exit(pidfd.get(), hook.timeout.value_or(0));
  if (!in_time) {
    ::kill(pid, SIGKILL);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) {
    return fail(ErrorCode::kernel, hook.path + ": timed out after " + std::to_string(*hook.timeout) + " s");
  }
  int reason = 0;
  if (::read(failure.read.get(), &reason, sizeof reason) == sizeof reason) {
    return fail_errno("fork/exec " + hook.path, reason);
  }
  return status == 0 ? Status{} : fail(ErrorCode::kernel, hook.path + ": " + outcome(status));
}

std::string context(std::string_view kind, std::size_t index) {
  return "error running " + std::string(kind) + " hook #" + std::to_string(index);
}

}  // namespace

Status run_hooks(const std::vector<oci::Hook>& hooks, std::string_view kind, const std::string& state,
                 const std::string& directory) {
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    TRY_WITH(run_one(hooks[i], state, directory), context(kind, i));
  }
  return {};
}

void run_hooks_leniently(const std::vector<oci::Hook>& hooks, std::string_view kind, const std::string& state,
                         const std::string& directory) {
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    if (Status done = run_one(hooks[i], state, directory); !done) {
      log_warning(std::move(done).error().with(context(kind, i)).text);
    }
  }
}

}  // namespace nucleus::launch
