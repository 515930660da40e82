#include "runtime/launch/hooks.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::launch {
namespace {

std::vector<char*> c_strings(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const auto& text : strings) {
    out.push_back(const_cast<char*>(text.c_str()));
  }
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void become_hook(const oci::Hook& hook, int input) {
  std::vector<std::string> args = hook.args.empty() ? std::vector<std::string>{hook.path} : hook.args;
  auto argv = c_strings(args);
  auto envp = c_strings(hook.env);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(input, STDIN_FILENO) >= 0) {
    ::syscall(SYS_close_range, 3U, ~0U, 0U);
    ::execve(hook.path.c_str(), argv.data(), envp.data());
  }
  const std::string message = hook.path + ": " + std::strerror(errno) + "\n";
  (void)write_all(STDERR_FILENO, message, "stderr");
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

Status run_one(const oci::Hook& hook, const std::string& state) {
  TRY_ASSIGN(const UniqueFd input, state_input(state));
  const pid_t pid = ::fork();
  if (pid < 0) {
    return fail_errno("fork");
  }
  if (pid == 0) {
    become_hook(hook, input.get());
  }
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
  return status == 0 ? Status{} : fail(ErrorCode::kernel, hook.path + ": " + outcome(status));
}

std::string context(std::string_view kind, std::size_t index) {
  return "error running " + std::string(kind) + " hook #" + std::to_string(index);
}

}  // namespace

Status run_hooks(const std::vector<oci::Hook>& hooks, std::string_view kind, const std::string& state) {
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    TRY_WITH(run_one(hooks[i], state), context(kind, i));
  }
  return {};
}

void run_hooks_leniently(const std::vector<oci::Hook>& hooks, std::string_view kind, const std::string& state) {
  for (std::size_t i = 0; i < hooks.size(); ++i) {
    if (Status done = run_one(hooks[i], state); !done) {
      log_warning(std::move(done).error().with(context(kind, i)).text);
    }
  }
}

}  // namespace nucleus::launch
