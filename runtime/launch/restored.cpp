#include "runtime/launch/restored.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <set>
#include <sstream>

#include "hardening/modes.hpp"
#include "runtime/base/io.hpp"
#include "runtime/launch/receipt_take.hpp"
#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/process.hpp"
#include "runtime/sys/ptrace_call.hpp"
#include "runtime/sys/root_dir.hpp"
#include "runtime/sys/seccomp_dump.hpp"

namespace nucleus::launch {
namespace {

constexpr std::size_t kLargestMountinfo = 8 << 20;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

Result<std::vector<std::string>> entries(const sys::ProcHandle& proc, const std::string& path) {
  TRY_ASSIGN(UniqueFd fd, proc.open(path, O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(fd.get()));
  if (!stream) {
    return fail_errno("list " + path);
  }
  static_cast<void>(fd.release());
  std::vector<std::string> out;
  while (const dirent* entry = ::readdir(stream.get())) {
    if (entry->d_name[0] != '.') {
      out.emplace_back(entry->d_name);
    }
  }
  return out;
}

Status refuse(const std::string& who, const std::string& what) {
  return fail(ErrorCode::policy, "the image would be less confined than its config: " + who + ": " + what);
}

std::string thread_path(pid_t process, const std::string& thread) {
  return std::to_string(process) + "/task/" + thread + "/";
}

// ---- stopped --------------------------------------------------------------------------------------------------------

Result<bool> is_stopped(const sys::ProcHandle& proc, pid_t process) {
  TRY_ASSIGN(const auto threads, entries(proc, std::to_string(process) + "/task"));
  for (const auto& thread : threads) {
    TRY_ASSIGN(const std::string text, proc.read(thread_path(process, thread) + "stat"));
    const auto stat = sys::parse_process_stat(text);
    if (!stat || (stat->state != 'T' && stat->state != 'Z' && stat->state != 'X')) {
      return false;
    }
  }
  return true;
}

// criu sends the stop signals just before it lets go.
Status await_stopped(const sys::ProcHandle& proc, const std::vector<pid_t>& processes) {
  constexpr int kTries = 500;
  constexpr timespec kPause{0, 10'000'000};
  for (const pid_t process : processes) {
    bool stopped = false;
    for (int i = 0; i < kTries && !stopped; ++i) {
      TRY_ASSIGN(stopped, is_stopped(proc, process));
      if (!stopped) {
        ::nanosleep(&kPause, nullptr);
      }
    }
    if (!stopped) {
      return refuse("process " + std::to_string(process), "criu did not leave it stopped");
    }
  }
  return {};
}

// ---- threads --------------------------------------------------------------------------------------------------------

// "         0     100000      65536" -> "0 100000 65536".
std::string single_blanks(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word, joined;
    while (words >> word) {
      joined += (joined.empty() ? "" : " ") + word;
    }
    out += joined + "\n";
  }
  return out;
}

Result<NamespaceIds> namespaces_of(const sys::ProcHandle& proc, pid_t thread) {
  NamespaceIds out;
  for (const auto& kind : sys::namespace_kinds()) {
    const auto fd = sys::open_namespace_of(proc, thread, kind);
    if (!fd && fd.error().sys_errno == ENOENT) {
      continue;  // a kernel without this kind
    }
    if (!fd) {
      return tl::unexpected<Error>(fd.error());
    }
    TRY_ASSIGN(const auto id, sys::namespace_id(fd->get()));
    out[std::string(kind.spec_name)] = std::to_string(id.device) + ":[" + std::to_string(id.inode) + "]";
  }
  return out;
}

Result<ThreadTruth> read_thread(const sys::ProcHandle& proc, pid_t process, const std::string& thread) {
  const std::string base = thread_path(process, thread);
  int number = 0;
  std::from_chars(thread.data(), thread.data() + thread.size(), number);
  ThreadTruth out;
  out.name = "process " + std::to_string(process) + ", thread " + thread;
  TRY_ASSIGN(const std::string status, proc.read(base + "status"));
  out.status = parse_status(status);
  for (const char* map : {"uid_map", "gid_map"}) {
    TRY_ASSIGN(const std::string text, proc.read(base + map));
    out.id_maps[map] = single_blanks(text);
  }
  TRY_ASSIGN(out.namespaces, namespaces_of(proc, number));
  out.policy = ::sched_getscheduler(number);
  if (auto filters = sys::seccomp_filters_of(number)) {
    out.filters = std::move(*filters);
  } else if (filters.error().sys_errno == E2BIG) {
    out.filters.emplace();  // too many to look through: none of them counts
  }
  return out;
}

// criu before 3.18 leaves it out, and an image may too. What else it gained by then is judged all the same.
Status bring_no_new_privileges(const sys::ProcHandle& proc, pid_t process, const std::string& thread,
                               ThreadTruth& truth) {
  int number = 0;
  std::from_chars(thread.data(), thread.data() + thread.size(), number);
  TRY_WITH(sys::set_no_new_privileges_of(number), "no_new_privs of " + truth.name);
  TRY_ASSIGN(truth, read_thread(proc, process, thread));
  return {};
}

Status judge_threads(const ThreadRules& rules, const sys::ProcHandle& proc, pid_t process) {
  TRY_ASSIGN(const auto threads, entries(proc, std::to_string(process) + "/task"));
  for (const auto& thread : threads) {
    TRY_ASSIGN(ThreadTruth truth, read_thread(proc, process, thread));
    if (rules.no_new_privileges && truth.status["NoNewPrivs"] == "0") {
      TRY(bring_no_new_privileges(proc, process, thread, truth));
    }
    TRY(judge_thread(rules, truth));
  }
  return {};
}

// What init is in, everything is in: nobody without CAP_SYS_ADMIN makes a namespace, and mounts are judged by init's.
Result<ThreadRules> rules_for_all(const RestoredContext& context, const sys::ProcHandle& proc) {
  ThreadRules out = context.rules;
  const bool may_unshare = (out.held & capability_bit("CAP_SYS_ADMIN")) != 0;
  if (!may_unshare && context.confinement.mode != hardening::Mode::passthrough) {
    TRY_ASSIGN(NamespaceIds of_init, namespaces_of(proc, context.container.record.pid));
    for (const auto& [type, identity] : context.rules.joined) {
      of_init[type] = identity;
    }
    out.joined = std::move(of_init);
  }
  return out;
}

// ---- what is open ---------------------------------------------------------------------------------------------------

// Whether `fd` leads to a file that lies on none of `mounts`: out of the container (CVE-2024-21626). Pipes, sockets,
// memory files and the like are on mounts of the kernel's own and lead nowhere.
bool leads_outside(int fd, const std::string& link, const std::set<std::uint64_t>& mounts) {
  struct statfs filesystem {};
  struct statx info {};
  if (::fstatfs(fd, &filesystem) != 0 || ::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_TYPE, &info) != 0) {
    return true;
  }
  if (filesystem.f_type == NSFS_MAGIC) {
    return true;  // a way into a namespace
  }
  const bool on_disk = S_ISREG(info.stx_mode) || S_ISDIR(info.stx_mode) || S_ISCHR(info.stx_mode) ||
                       S_ISBLK(info.stx_mode) || S_ISLNK(info.stx_mode);
  const bool memory = link.starts_with("/memfd:") || link.starts_with("/SYSV") || link.starts_with("/dev/zero");
  return on_disk && !memory && mounts.count(info.stx_mnt_id) == 0;
}

Status judge_file(const RestoredContext& context, const sys::ProcHandle& proc, const std::string& path,
                  const std::string& who, const std::set<std::uint64_t>& mounts) {
  // The magic link is meant: what it leads to is looked at, not opened.
  const auto fd = open_at(proc.fd(), path, O_PATH);
  if (!fd && fd.error().sys_errno == ENOENT) {
    return {};  // a thread without an executable
  }
  if (!fd) {
    return tl::unexpected<Error>(fd.error());
  }
  std::array<char, 4096> link{};
  const ssize_t length = ::readlinkat(proc.fd(), path.c_str(), link.data(), link.size());
  const std::string name(link.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  if (!leads_outside(fd->get(), name, mounts)) {
    return {};
  }
  TRY_ASSIGN(const auto identity, identity_of(fd->get()));
  const bool given =
      path.find("/fd/") != std::string::npos && std::ranges::find(context.given, identity) != context.given.end();
  return given ? Status{} : refuse(who, path.substr(path.find('/') + 1) + " leads out of the container");
}

Status judge_files(const RestoredContext& context, const sys::ProcHandle& proc, pid_t process) {
  const std::string base = std::to_string(process) + "/";
  const std::string who = "process " + std::to_string(process);
  TRY_ASSIGN(const std::string text, proc.read(base + "mountinfo", kLargestMountinfo));
  std::set<std::uint64_t> mounts;
  for (const auto& entry : parse_mountinfo(text)) {
    mounts.insert(entry.id);
  }
  TRY_ASSIGN(const auto descriptors, entries(proc, base + "fd"));
  for (const auto& descriptor : descriptors) {
    std::string path = base;
    path.append("fd/").append(descriptor);
    TRY(judge_file(context, proc, path, who, mounts));
  }
  for (const char* name : {"cwd", "root", "exe"}) {
    TRY(judge_file(context, proc, base + name, who, mounts));
  }
  return {};
}

// ---- mounts ---------------------------------------------------------------------------------------------------------

Status judge_roots(const RestoredContext& context, const sys::ProcHandle& proc) {
  const std::string init = std::to_string(context.container.record.pid);
  TRY_ASSIGN(UniqueFd fd, open_at(proc.fd(), init + "/root", O_PATH | O_DIRECTORY));
  TRY_ASSIGN(const auto identity, identity_of(fd.get()));
  if (!(identity == context.root)) {
    return refuse("init", "its root is not the config's");
  }
  TRY_ASSIGN(const auto root, sys::RootDir::adopt(std::move(fd)));
  for (const auto& bind : context.binds) {
    TRY_ASSIGN(const UniqueFd there, root.open(bind.target, O_PATH));
    TRY_ASSIGN(const auto seen, identity_of(there.get()));
    if (!(seen == bind.root)) {
      return refuse("init", bind.target + " is not the bind mount of the config");
    }
  }
  return {};
}

bool is_about_mounts(const std::string& control) {
  return control.starts_with("mount ") || control.starts_with("masked ") || control.starts_with("readonly ");
}

// The receipt's own questions; what a launch only warns of ends a restore, since here an image answers them.
Status judge_tree(const RestoredContext& context, const sys::ProcHandle& proc) {
  TRY_ASSIGN(const auto receipt, take_receipt(context.container, context.confinement, false));
  for (const auto& item : receipt.mismatches()) {
    if (is_about_mounts(item.control) || item.control.starts_with("rlimit")) {
      return refuse("init", item.control + " is \"" + item.observed + "\", planned \"" + item.expected + "\"");
    }
  }
  const int init = context.container.record.pid;
  TRY_ASSIGN(KernelTruth truth, read_back(proc, init, false));
  look_up(proc, init, planned_mounts(context.spec), truth);
  return judge_mounts(context.spec, truth);
}

}  // namespace

Result<FileIdentity> identity_of(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    return fail_errno("stat");
  }
  return FileIdentity{info.st_dev, info.st_ino};
}

Status examine_restored(const RestoredContext& context, const std::vector<pid_t>& processes) {
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  TRY(await_stopped(proc, processes));
  const auto init = sys::process_stat(context.container.record.pid);
  if (!init || sys::is_over(*init)) {
    return fail(ErrorCode::kernel, "the restored init is dead");
  }
  TRY_ASSIGN(const ThreadRules rules, rules_for_all(context, proc));
  for (const pid_t process : processes) {
    TRY_ASSIGN(const auto stat, sys::process_stat(process));
    if (sys::is_over(stat)) {
      continue;  // a zombie runs nothing any more
    }
    TRY(judge_threads(rules, proc, process));
    TRY(judge_files(context, proc, process));
  }
  TRY(judge_roots(context, proc));
  return context.confinement.mode == hardening::Mode::passthrough ? Status{} : judge_tree(context, proc);
}

}  // namespace nucleus::launch
