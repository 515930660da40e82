#include "runtime/launch/watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/io.hpp"
#include "runtime/launch/files.hpp"
#include "runtime/launch/receipt_take.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/watcher/watcher.hpp"

namespace nucleus::launch {
namespace {

using hardening::SeccompWatch;

std::string name_of(const SeccompWatch& watch) { return watch.file.empty() ? kSeccompLog : watch.file; }

Result<UniqueFd> open_file(const state::Directory& directory, const SeccompWatch& watch, int flags) {
  constexpr int kAlways = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  UniqueFd file(
      ::openat(watch.file.empty() ? directory.fd() : AT_FDCWD, name_of(watch).c_str(), flags | kAlways, 0600));
  return file ? Result<UniqueFd>(std::move(file)) : fail_errno("trace " + name_of(watch));
}

Result<struct stat> status_of(const UniqueFd& file, const std::string& name) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    return fail_errno("trace " + name);
  }
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1) {
    return fail(ErrorCode::usage, "trace " + name + ": not a regular file with one name");
  }
  return status;
}

bool is_the_file(const SeccompWatch& watch, const struct stat& status) {
  return status.st_dev == watch.device && status.st_ino == watch.inode;
}

// The very file that prepare_watch() made.
Result<UniqueFd> reopen(const state::Directory& directory, const SeccompWatch& watch, int flags) {
  TRY_ASSIGN(UniqueFd file, open_file(directory, watch, flags));
  TRY_ASSIGN(const struct stat status, status_of(file, name_of(watch)));
  if (!is_the_file(watch, status)) {
    return fail(ErrorCode::state, "trace " + name_of(watch) + ": another file has taken its place");
  }
  return file;
}

Result<watcher::WatcherConfig> config_of(const Container& container, const SeccompWatch& watch) {
  TRY_ASSIGN(const auto confinement, load_confinement(container.directory));
  TRY_ASSIGN(const auto seccomp, load_filter(container.directory, 0));
  watcher::WatcherConfig config;
  config.container = container.record.id;
  config.policy = confinement.policy.name;
  config.digest = confinement.policy.digest;
  config.filter.resize(seccomp.filter.size());
  static_assert(sizeof(sock_filter) == sizeof(std::uint64_t));
  std::memcpy(config.filter.data(), seccomp.filter.data(), seccomp.filter.size() * sizeof(sock_filter));
  config.every_call = watch.trace;
  config.learn = watch.learn;
  return config;
}

}  // namespace

Status prepare_watch(const state::Directory& directory, SeccompWatch watch) {
  const bool is_new = watch.must_be_new || watch.file.empty();
  auto file = open_file(directory, watch, O_WRONLY | O_CREAT | (is_new ? O_EXCL : 0));
  if (!file && file.error().sys_errno == EEXIST) {
    return fail(ErrorCode::policy, "trace " + name_of(watch) + " is there already: an annotation overwrites none");
  }
  if (!file) {
    return tl::unexpected<Error>(std::move(file).error());
  }
  TRY_ASSIGN(const struct stat status, status_of(*file, name_of(watch)));
  watch.device = status.st_dev;
  watch.inode = status.st_ino;
  return directory.write(kWatchFile, hardening::to_json(watch));
}

void undo_watch(const state::Directory& directory) {
  const auto watch = load_watch(directory);
  if (watch && *watch && (*watch)->must_be_new && reopen(directory, **watch, O_WRONLY)) {
    (void)::unlink((*watch)->file.c_str());
  }
}

Result<std::optional<SeccompWatch>> load_watch(const state::Directory& directory) {
  if (!directory.has(kWatchFile)) {
    return std::optional<SeccompWatch>();
  }
  TRY_ASSIGN(const std::string text, directory.read(kWatchFile));
  TRY_ASSIGN(auto watch, hardening::parse_seccomp_watch(text, kWatchFile));
  return std::optional(std::move(watch));
}

Status start_watching(const Container& container, UniqueFd listener) {
  TRY_ASSIGN(auto watch, load_watch(container.directory));
  if (!watch) {
    return fail(ErrorCode::internal, "nobody is to watch the container's system calls");
  }
  watcher::WatcherDescriptors descriptors;
  descriptors.listener = std::move(listener);
  TRY_ASSIGN(descriptors.log, reopen(container.directory, *watch, O_WRONLY));
  TRY_ASSIGN(const auto config, config_of(container, *watch));
  TRY_ASSIGN(watch->watcher, watcher::start_watcher(config, std::move(descriptors)));
  TRY_ASSIGN(watch->watcher_start_time, sys::process_start_time(watch->watcher));
  return container.directory.write(kWatchFile, hardening::to_json(*watch));
}

void end_watching(const state::Directory& directory) {
  const auto watch = load_watch(directory);
  if (!watch || !*watch || (*watch)->watcher <= 0) {
    return;
  }
  const auto handle = sys::pidfd_open((*watch)->watcher);
  if (!handle || !sys::process_alive((*watch)->watcher, (*watch)->watcher_start_time)) {
    return;
  }
  constexpr int kPatienceMs = 5000;
  pollfd end{handle->get(), POLLIN, 0};
  if (::poll(&end, 1, kPatienceMs) == 0) {
    (void)sys::pidfd_send_signal(handle->get(), SIGKILL);
  }
}

std::optional<hardening::Trace> read_watch_log(const state::Directory& directory) {
  const auto watch = load_watch(directory);
  if (!watch || !*watch) {
    return std::nullopt;
  }
  const auto file = reopen(directory, **watch, O_RDONLY);
  const auto text = file ? read_all(file->get(), hardening::kTraceFileLimit, name_of(**watch))
                         : Result<std::string>(tl::unexpected<Error>(file.error()));
  auto trace = text ? hardening::parse_trace(*text, name_of(**watch))
                    : Result<hardening::Trace>(tl::unexpected<Error>(text.error()));
  return trace ? std::optional(std::move(*trace)) : std::nullopt;
}

}  // namespace nucleus::launch
