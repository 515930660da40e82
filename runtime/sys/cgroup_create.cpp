#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/sys/cgroup.hpp"
#include "runtime/sys/root_walk.hpp"

namespace nucleus::sys {
namespace {

constexpr std::size_t kFileLimit = 64 * 1024;

bool is_blank(std::string_view text) { return text.find_first_not_of(" \n") == std::string_view::npos; }

// A new v1 cpuset has no processors and no memory, and then takes no process (cpuset(7)).
Status inherit_cpuset(const std::string& parent, const std::string& directory) {
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    TRY_ASSIGN(const std::string own, read_file(AT_FDCWD, directory + file, kFileLimit));
    if (!is_blank(own)) {
      continue;
    }
    TRY_ASSIGN(const std::string inherited, read_file(AT_FDCWD, parent + file, kFileLimit));
    TRY_ASSIGN(const UniqueFd fd, open_at(AT_FDCWD, directory + file, O_WRONLY));
    TRY(write_all(fd.get(), inherited, directory + file));
  }
  return {};
}

// cgroup-v2.rst "No Internal Process Constraint": of a cgroup with processes, only the root hands down all controllers.
// The threaded ones it would hand down would make the child unfit for a container ("domain invalid").
bool may_hand_down(const std::string& directory) {
  const auto processes = read_file(AT_FDCWD, directory + "/cgroup.procs", kFileLimit);
  const bool is_root = ::faccessat(AT_FDCWD, (directory + "/cgroup.type").c_str(), F_OK, 0) != 0;
  return is_root || (processes && is_blank(*processes));
}

// Hands every available controller down to the children of `directory`. A controller that cannot be handed down shows
// when a setting needs its files.
void enable_controllers(const std::string& directory) {
  if (!may_hand_down(directory)) {
    return;
  }
  const auto available = read_file(AT_FDCWD, directory + "/cgroup.controllers", kFileLimit);
  const auto enabled = read_file(AT_FDCWD, directory + "/cgroup.subtree_control", kFileLimit);
  const auto control = open_at(AT_FDCWD, directory + "/cgroup.subtree_control", O_WRONLY);
  if (!available || !enabled || !control || *available == *enabled) {
    return;
  }
  std::string_view rest = *available;
  while (!is_blank(rest)) {
    const auto end = std::min(rest.find_first_of(" \n"), rest.size());
    if (end != 0) {
      const std::string word = "+" + std::string(rest.substr(0, end));
      static_cast<void>(::write(control->get(), word.data(), word.size()) < 0);
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

// cgroup-v2.rst "Threads": "domain" is the only type whose processes are one set with limits of their own.
Status check_domain(int directory, const std::string& path) {
  const auto type = read_file(directory, "cgroup.type", kFileLimit);
  if (!type) {
    return type.error().sys_errno == ENOENT ? Status{} : Status(tl::unexpected<Error>(type.error()));  // the root
  }
  const std::string_view name = std::string_view(*type).substr(0, type->find('\n'));
  return name == "domain" ? Status{}
                          : fail(ErrorCode::kernel, "cgroup " + path + " is of type \"" + std::string(name) +
                                                        "\", which holds no container; it must be \"domain\"");
}

// The mountpoint a directory lies below, "" when the facts do not know it.
std::string mountpoint_of(const CgroupFacts& facts, const CgroupDirectory& directory) {
  if (directory.controllers.empty()) {
    return facts.v2_mountpoint;
  }
  for (const auto& mount : facts.v1) {
    if (mount.controllers == directory.controllers) {
      return mount.mountpoint;
    }
  }
  return "";
}

}  // namespace

void CgroupHandle::add_directory(const CgroupFacts& facts, const CgroupDirectory& directory) {
  const std::string mountpoint = mountpoint_of(facts, directory);
  if (mountpoint.empty() || !directory.path.starts_with(mountpoint + '/')) {
    note(directory.path, Error{ErrorCode::internal, ENOENT, "cgroup " + directory.path + ": no such hierarchy"});
    return;
  }
  const bool is_cpuset = directory.controllers == "cpuset" || directory.controllers.starts_with("cpuset,") ||
                         directory.controllers.find(",cpuset") != std::string::npos;
  std::string at = mountpoint;
  for (const auto& part : split_path(std::string_view(directory.path).substr(mountpoint.size()))) {
    const std::string parent = at;
    at += '/' + part;
    if (directory.controllers.empty()) {
      enable_controllers(parent);
    }
    if (::mkdir(at.c_str(), 0755) == 0) {
      created_.push_back(at);
    } else if (errno != EEXIST) {
      note(at, fail_errno("create cgroup " + at).value());
      return;
    }
    if (is_cpuset) {
      if (Status done = inherit_cpuset(parent, at); !done) {
        note(at, done.error());
      }
    }
  }
}

Result<CgroupHandle> CgroupHandle::create(const CgroupFacts& facts, const std::vector<CgroupDirectory>& directories) {
  CgroupHandle made;
  for (const auto& directory : directories) {
    made.add_directory(facts, directory);
  }
  CgroupHandle handle = open(directories);
  handle.created_ = std::move(made.created_);
  made.created_.clear();
  handle.failures_.insert(handle.failures_.begin(), made.failures_.begin(), made.failures_.end());
  if (handle.nodes_.empty()) {
    return handle.failures_.empty() ? fail_errno("no cgroup hierarchy", ENOENT)
                                    : tl::unexpected<Error>(handle.failures_[0].error);
  }
  if (handle.is_v2()) {
    TRY(check_domain(handle.nodes_[0].dir.get(), handle.nodes_[0].directory.path));
  }
  return handle;
}

CgroupHandle::~CgroupHandle() {
  for (auto path = created_.rbegin(); path != created_.rend(); ++path) {
    // A process that was just killed keeps its cgroup busy for a moment.
    constexpr int kAttempts = 100;
    for (int attempt = 0; ::rmdir(path->c_str()) != 0 && errno == EBUSY && attempt < kAttempts; ++attempt) {
      ::usleep(2000);
    }
  }
}

}  // namespace nucleus::sys
