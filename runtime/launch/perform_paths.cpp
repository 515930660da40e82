#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "runtime/launch/descriptors.hpp"
#include "runtime/launch/home.hpp"
#include "runtime/launch/performer.hpp"
#include "runtime/sys/mount.hpp"
#include "runtime/sys/terminal.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kReadonly = 0x1;  // MOUNT_ATTR_RDONLY
constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Status set_readonly(int mount) {
  sys::MountChange change;
  change.set = kReadonly;
  return sys::change_mount(mount, change, false);
}

// A working directory outside the root (through a leaked descriptor: CVE-2024-21626) has no path from here.
Status check_reachable(const std::string& wanted) {
  std::array<char, 4096> path{};
  const long length = ::syscall(SYS_getcwd, path.data(), path.size());
  if (length <= 0 || path.front() != '/') {
    return fail(ErrorCode::invalid_config, "chdir to cwd (\"" + wanted + "\") led outside the container's root");
  }
  return {};
}

// Go's exec.LookPath, whose texts engines know: a directory, or a file without any execute bit, is refused.
Status check_executable(const std::string& path, const std::string& shown) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return fail_errno("exec: \"" + shown + "\": stat " + path);
  }
  if (S_ISDIR(info.st_mode) || (info.st_mode & 0111) == 0) {
    return fail_errno("exec: \"" + shown + "\"", EACCES);
  }
  return {};
}

bool is_null_device(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3);
}

std::optional<std::string> environment_value(const plan::LaunchPlan& plan, const std::string& name) {
  for (const auto& entry : plan.process.env) {
    if (entry.starts_with(name + "=")) {
      return entry.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

std::string search_path(const plan::LaunchPlan& plan) {
  if (const auto path = environment_value(plan, "PATH")) {
    return *path;
  }
  return plan.mode == hardening::Mode::passthrough ? std::string() : std::string(kDefaultPath);
}

Result<std::string> look_up(const std::string& name, const std::string& path) {
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t colon = std::min(path.find(':', begin), path.size());
    const std::string directory = path.substr(begin, colon - begin);
    std::string candidate = (directory.empty() ? "." : directory) + "/" + name;
    if (check_executable(candidate, name)) {
      return candidate;
    }
    begin = colon + 1;
  }
  return fail(ErrorCode::invalid_config, "exec: \"" + name + "\": executable file not found in $PATH");
}

}  // namespace

Status Performer::operator()(const plan::MountPropagation& op) const {
  const unsigned long flags = sys::propagation_flags(op.propagation);
  sys::MountChange change;
  change.propagation = flags & ~static_cast<unsigned long>(MS_REC);
  return sys::change_mount(context.root_dir->fd(), change, (flags & MS_REC) != 0);
}

Status Performer::operator()(const plan::MaskPath& op) const {
  TRY(context.masker->mask(*context.root_dir, op.path));
  return {};
}

Status Performer::operator()(const plan::ReadonlyPath& op) const {
  TRY(sys::make_readonly(*context.root_dir, op.path));
  return {};
}

Status Performer::operator()(const plan::RemountReadonly& op) const {
  TRY_ASSIGN(const UniqueFd mount, context.root_dir->open(op.target, O_PATH | O_DIRECTORY));
  return set_readonly(mount.get());
}

Status Performer::operator()(const plan::ReadonlyRoot&) const { return set_readonly(context.root_dir->fd()); }

Status Performer::operator()(const plan::WriteSysctl& op) const {
  TRY_ASSIGN(const auto* proc, proc_of(context));
  return sys::write_sysctl(*proc, op.name, op.value);
}

Status Performer::operator()(const plan::OpenConsole& op) const {
  TRY_ASSIGN(const sys::Terminal terminal, sys::open_terminal(*context.root_dir));
  if (op.height != 0 || op.width != 0) {
    TRY(sys::set_window_size(terminal.master.get(),
                             {static_cast<std::uint16_t>(op.height), static_cast<std::uint16_t>(op.width)}));
  }
  if (op.bind_console) {
    TRY(sys::bind_console(*context.root_dir, terminal.peer.get()));
  }
  TRY(sys::become_terminal_session(terminal.peer.get()));
  const Error name{ErrorCode::internal, 0, terminal.name};  // the engine gets it as the message's data
  return context.channel.report(ReportKind::console, 0, &name, terminal.master.get());
}

// A container without a /dev/null, or one that may not open it, keeps what it was given.
Status Performer::operator()(const plan::ReopenNull&) const {
  for (int fd = 0; fd <= 2; ++fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    // Looked at before it is opened: a node of the image's may be any device.
    if (flags < 0 || !is_null_device(fd)) {
      continue;
    }
    const auto node = context.root_dir->open("/dev/null", O_PATH);
    if (!node || !is_null_device(node->get())) {
      continue;
    }
    const auto own = context.root_dir->open("/dev/null", (flags & O_ACCMODE) | O_NOCTTY | O_NONBLOCK);
    if (own && is_null_device(own->get()) &&
        (::fcntl(own->get(), F_SETFL, flags & O_APPEND) != 0 || ::dup2(own->get(), fd) < 0)) {
      return fail_errno("reopen /dev/null");
    }
  }
  return {};
}

Status Performer::operator()(const plan::ReleaseSetup&) const {
  context.root_dir.reset();
  context.masker.reset();
  context.proc.reset();
  context.detached.clear();
  context.join.clear();
  // What else came over from the launcher (state and cgroup directories, the engine's strays) goes unseen.
  return close_except(3 + context.plan.preserve_fds, {context.channel.fd(), context.start_listener.get()});
}

Status Performer::operator()(const plan::EnterDirectory& op) const {
  if (::chdir(op.path.c_str()) != 0) {
    return fail_errno("chdir to cwd (\"" + op.path + "\") set in config.json failed");
  }
  return check_reachable(op.path);
}

Status Performer::operator()(const plan::ResolveExecutable&) const {
  if (environment_value(context.plan, "HOME").value_or("").empty()) {
    context.home = "HOME=" + home_directory(context.plan.process.user.uid);
  }
  const std::string& name = context.plan.process.args.front();
  if (name.find('/') != std::string::npos) {
    context.executable = name;
    return check_executable(name, name);
  }
  TRY_ASSIGN(context.executable, look_up(name, search_path(context.plan)));
  return {};
}

}  // namespace nucleus::launch
