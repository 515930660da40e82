#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>

#include "runtime/base/io.hpp"
#include "runtime/sys/cgroup.hpp"
#include "runtime/sys/cgroup_tree.hpp"

namespace nucleus::sys {
namespace {

constexpr std::size_t kFileLimit = 64 << 20;

void parse_pids(std::string_view text, std::vector<pid_t>& pids) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    pid_t pid = 0;
    const auto [next, error] = std::from_chars(at, end, pid);
    if (error == std::errc() && pid > 0) {  // 0: a process outside our pid namespace
      pids.push_back(pid);
    }
    at = next + 1;
  }
}

// Gone and threaded cgroups (EOPNOTSUPP; their processes are listed above) count as empty.
Status collect(int dir, std::vector<pid_t>& pids) {
  const auto text = read_file(dir, "cgroup.procs", kFileLimit);
  if (text) {
    parse_pids(*text, pids);
  } else if (const int error = text.error().sys_errno; error != ENOENT && error != ENODEV && error != EOPNOTSUPP) {
    return tl::unexpected<Error>(text.error());
  }
  return {};
}

Status write_file(int dir, const char* file, std::string_view value) {
  TRY_ASSIGN(const UniqueFd fd, open_at(dir, file, O_WRONLY));
  return write_all(fd.get(), value, file);
}

// Polls with growing pauses; false when `limit_ms` passed.
bool wait_until(int limit_ms, const std::function<bool()>& done) {
  useconds_t pause = 200;
  for (long waited = 0; !done(); waited += pause, pause = std::min<useconds_t>(pause * 2, 20'000)) {
    if (waited > limit_ms * 1000L) {
      return false;
    }
    ::usleep(pause);
  }
  return true;
}

}  // namespace

Status CgroupHandle::set_freezer(bool freeze) const {
  const Node* node = node_of("freezer");
  if (node == nullptr) {
    return fail_errno("cgroup controller freezer", ENOENT);
  }
  constexpr int kLimitMs = 2000;
  const int dir = node->dir.get();
  const bool v2 = is_v2();
  const auto request = [&](bool on) {
    return v2 ? write_file(dir, "cgroup.freeze", on ? "1" : "0")
              : write_file(dir, "freezer.state", on ? "FROZEN" : "THAWED");
  };
  TRY(request(freeze));
  const bool reached = wait_until(kLimitMs, [&] {
    const auto text = read_file(dir, v2 ? "cgroup.events" : "freezer.state", kFileLimit);
    if (v2) {
      return text && text->find(freeze ? "frozen 1" : "frozen 0") != std::string::npos;
    }
    if (text && *text == (freeze ? "FROZEN\n" : "THAWED\n")) {
      return true;
    }
    // v1 can stick in FREEZING while tasks fork; asking again makes it try again.
    static_cast<void>(request(freeze));
    return false;
  });
  if (reached) {
    return {};
  }
  if (freeze) {
    static_cast<void>(request(false));
  }
  return fail_errno(freeze ? "freeze cgroup" : "thaw cgroup", ETIMEDOUT);
}

Status CgroupHandle::freeze() const { return set_freezer(true); }

Status CgroupHandle::thaw() const { return set_freezer(false); }

Result<bool> CgroupHandle::frozen() const {
  if (is_v2()) {
    TRY_ASSIGN(const std::string text, read("", "cgroup.freeze"));
    return text.starts_with('1');
  }
  TRY_ASSIGN(const std::string text, read("freezer", "freezer.state"));
  return text.starts_with("FROZEN") || text.starts_with("FREEZING");
}

Result<std::vector<pid_t>> CgroupHandle::processes() const {
  std::vector<pid_t> pids;
  if (nodes_.empty()) {
    return pids;
  }
  // Every v1 hierarchy holds the same processes; named ones may be delegated to the workload and come last.
  const Node* node = nullptr;
  for (const char* controller : {"devices", "freezer", "pids", "memory"}) {
    node = node == nullptr ? node_of(controller) : node;
  }
  const int top = node != nullptr ? node->dir.get() : nodes_[0].dir.get();
  const Status all = visit_tree(top, [&](int dir) { return collect(dir, pids); });
  if (!all && all.error().sys_errno != ENOENT) {  // gone as a whole
    return tl::unexpected<Error>(all.error());
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

Status CgroupHandle::signal_all(int signal) const {
  if (is_v2() && signal == SIGKILL && write_file(nodes_[0].dir.get(), "cgroup.kill", "1")) {
    return {};
  }
  const auto was_frozen = frozen();
  // Without a freezer, newly forked processes are found by looking again.
  const bool holds = static_cast<bool>(freeze());
  constexpr int kRounds = 100;
  Status outcome;
  for (int round = 0; round < kRounds; ++round) {
    const auto pids = processes();
    if (!pids) {
      outcome = tl::unexpected<Error>(pids.error());
      break;
    }
    for (const pid_t pid : *pids) {
      if (pid != ::getpid() && ::kill(pid, signal) != 0 && errno != ESRCH) {
        outcome = fail_errno("signal process " + std::to_string(pid));
      }
    }
    if (holds || signal != SIGKILL || pids->empty()) {
      break;
    }
    ::usleep(1000);
  }
  const bool stay_frozen = was_frozen && *was_frozen && signal != SIGKILL;
  if (holds && !stay_frozen) {
    TRY(thaw());
  }
  return outcome;
}

Status CgroupHandle::remove() {
  constexpr int kLimitMs = 1000;
  for (auto& node : nodes_) {
    node.tasks.reset();
    node.dir.reset();
  }
  Status outcome;
  wait_until(kLimitMs, [&] {
    outcome = {};
    bool busy = false;
    for (const auto& node : nodes_) {
      Status removed = remove_tree(AT_FDCWD, node.directory.path);
      busy = busy || (!removed && removed.error().sys_errno == EBUSY);
      if (!removed && outcome) {
        outcome = tl::unexpected<Error>(std::move(removed).error().with("cgroup " + node.directory.path));
      }
    }
    return !busy;
  });
  nodes_.clear();
  created_.clear();
  return outcome;
}

}  // namespace nucleus::sys
