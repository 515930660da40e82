#include "runtime/watcher/watcher.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "runtime/base/io.hpp"
#include "runtime/sys/detached.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/sys/procfs.hpp"
#include "runtime/sys/seccomp_notify.hpp"
#include "runtime/watcher/confine.hpp"
#include "runtime/watcher/serve.hpp"

namespace nucleus::watcher {
namespace {

constexpr const char* kProcessName = "nucleus-watch";
constexpr std::uint64_t kOpenFiles = 16;
constexpr int kLastPatience = 1000;  // milliseconds for the worker to see the end by itself

Result<Shared*> share_memory() {
  void* const memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? Result<Shared*>(fail_errno("shared memory")) : new (memory) Shared;
}

// Its names are only for people, so whichever /proc is there will do.
Result<UniqueFd> open_proc() { return open_at(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY); }

[[noreturn]] void refuse(int ready, const Error& error) {
  sys::report_ready(ready, error.text);
  ::_exit(1);
}

struct Both {
  const WatcherConfig& config;
  const WatcherDescriptors& descriptors;
  UniqueFd proc;
  Shared& shared;
};

[[noreturn]] void work(const Both& both, int ready) {
  if (const Status confined = confine(both.proc.get()); !confined) {
    refuse(ready, confined.error());
  }
  Server server(both.config, both.descriptors, both.proc.get(), both.shared);
  server.write_log(false);
  sys::report_ready(ready, "");
  const Status served = server.run();
  server.write_log(served.has_value());
  ::_exit(served ? 0 : 1);
}

// A kernel before 6.11 may leave a reader asleep when the last process ends: the poll tells all the same.
void await(int listener, const UniqueFd& worker) {
  pollfd polled[] = {{worker.get(), POLLIN, 0}, {listener, 0, 0}};
  while (::poll(polled, 2, -1) < 0 && errno == EINTR) {
  }
  if (polled[0].revents == 0) {
    (void)::poll(polled, 1, kLastPatience);
  }
}

[[noreturn]] void hold(const Both& both, pid_t worker, const UniqueFd& handle) {
  await(both.descriptors.listener.get(), handle);
  (void)sys::pidfd_send_signal(handle.get(), SIGKILL);  // it is over, or asleep for ever
  int status = 0;
  if (::waitpid(worker, &status, WNOHANG) == worker && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    ::_exit(0);
  }
  Server server(both.config, both.descriptors, both.proc.get(), both.shared);
  server.take_over();
  const Status served = server.run();
  server.write_log(served.has_value());
  ::_exit(served ? 0 : 1);
}

Result<Both> prepare(const WatcherConfig& config, const WatcherDescriptors& descriptors, int ready) {
  const int keep[] = {descriptors.listener.get(), descriptors.log.get(), ready};
  TRY(sys::detach_process(kProcessName, keep, kOpenFiles));
  sys::wake_in_step(descriptors.listener.get());
  TRY_ASSIGN(UniqueFd proc, open_proc());
  TRY_ASSIGN(Shared* const shared, share_memory());
  shared->begun = milliseconds_now();
  return Both{config, descriptors, std::move(proc), *shared};
}

[[noreturn]] void become_watcher(const WatcherConfig& config, const WatcherDescriptors& descriptors, int ready) {
  const auto both = prepare(config, descriptors, ready);
  if (!both) {
    refuse(ready, both.error());
  }
  const pid_t worker = ::fork();
  if (worker == 0) {
    work(*both, ready);
  }
  const auto handle = worker > 0 ? sys::pidfd_open(worker) : Result<UniqueFd>(fail_errno("fork"));
  const Status confined = handle ? confine(both->proc.get()) : Status(tl::unexpected<Error>(handle.error()));
  if (!confined) {
    ::kill(worker > 0 ? worker : ::getpid(), SIGKILL);
    ::_exit(1);
  }
  ::close(ready);
  hold(*both, worker, *handle);
}

}  // namespace

Result<pid_t> start_watcher(const WatcherConfig& config, WatcherDescriptors descriptors) {
  if (!descriptors.listener || !descriptors.log || config.filter.empty()) {
    return fail(ErrorCode::internal, "seccomp watcher: something is missing");
  }
  return sys::start_detached("seccomp watcher", [&](int ready) { become_watcher(config, descriptors, ready); });
}

}  // namespace nucleus::watcher
