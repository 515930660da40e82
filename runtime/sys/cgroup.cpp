#include "runtime/sys/cgroup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/sys/root_walk.hpp"

namespace nucleus::sys {
namespace {

constexpr std::size_t kFileLimit = 16 << 20;

bool has_controller(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    if (list.substr(0, end) == name) {
      return true;
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

// Not in strerror's words, which engines take for a missing program.
tl::unexpected<Error> missing(const std::string& what) {
  return tl::unexpected<Error>(Error{ErrorCode::kernel, ENOENT, what + " is not there on this host"});
}

tl::unexpected<Error> no_controller(const std::string& name) { return missing("cgroup controller " + name); }

// One write(2): a cgroup file takes its value whole.
Status write_value(int dir, const std::string& file, std::string_view value) {
  auto fd = open_at(dir, file, O_WRONLY | O_NOFOLLOW);
  if (!fd) {
    return fd.error().sys_errno == ENOENT ? Status(missing(file)) : Status(tl::unexpected<Error>(fd.error()));
  }
  ssize_t put = 0;
  do {
    put = ::write(fd->get(), value.data(), value.size());
  } while (put < 0 && errno == EINTR);
  return put < 0 ? fail_errno("write \"" + std::string(value) + "\" to " + file) : Status{};
}

}  // namespace

Result<std::vector<CgroupDirectory>> locate_cgroup(const CgroupFacts& facts, const std::string& path, bool relative) {
  std::string clean;
  for (const auto& part : split_path(path)) {
    if (part == "..") {
      return fail(ErrorCode::invalid_config, "cgroupsPath \"" + path + "\" must not contain \"..\"");
    }
    if (part != ".") {
      clean += '/' + part;
    }
  }
  if (clean.empty()) {
    return fail(ErrorCode::invalid_config, "cgroupsPath \"" + path + "\" names no cgroup");
  }
  const auto place = [&](const std::string& mountpoint, const std::string& own) {
    return mountpoint + (relative && own != "/" ? own : std::string()) + clean;
  };
  std::vector<CgroupDirectory> directories;
  if (facts.layout == CgroupLayout::v2) {
    const std::string& own = facts.v2_own_path;
    directories.push_back({"", place(facts.v2_mountpoint, own.substr(0, own.rfind('/')))});
  }
  for (const auto& mount : facts.v1) {
    directories.push_back({mount.controllers, place(mount.mountpoint, mount.own_path)});
  }
  return directories;
}

std::vector<CgroupDirectory> permitted_cgroups(std::vector<CgroupDirectory> directories) {
  const auto refused = [](const CgroupDirectory& directory) {
    std::string at = directory.path;
    while (!at.empty() && ::faccessat(AT_FDCWD, at.c_str(), F_OK, 0) != 0) {
      at.resize(at.rfind('/') == std::string::npos ? 0 : at.rfind('/'));
    }
    return at.empty() || ::faccessat(AT_FDCWD, at.c_str(), W_OK, AT_EACCESS) != 0;
  };
  std::erase_if(directories, refused);
  return directories;
}

CgroupHandle CgroupHandle::open(const std::vector<CgroupDirectory>& directories) {
  CgroupHandle handle;
  for (const auto& directory : directories) {
    auto dir = open_at(AT_FDCWD, directory.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!dir) {
      if (dir.error().sys_errno != ENOENT) {
        handle.note(directory.path, dir.error());
      }
      continue;
    }
    auto tasks = open_at(dir->get(), directory.controllers.empty() ? "cgroup.procs" : "tasks", O_WRONLY | O_NOFOLLOW);
    if (!tasks) {
      handle.note(directory.path, tasks.error());
      tasks = UniqueFd();
    }
    handle.nodes_.push_back({directory, std::move(*dir), std::move(*tasks)});
  }
  return handle;
}

void CgroupHandle::note(std::string subject, Error error) {
  failures_.push_back({std::move(subject), std::move(error)});
}

std::vector<CgroupDirectory> CgroupHandle::directories() const {
  std::vector<CgroupDirectory> result;
  for (const auto& node : nodes_) {
    result.push_back(node.directory);
  }
  return result;
}

bool CgroupHandle::is_v2() const noexcept { return nodes_.size() == 1 && nodes_[0].directory.controllers.empty(); }

int CgroupHandle::clone_fd() const noexcept { return is_v2() ? nodes_[0].dir.get() : -1; }

const CgroupHandle::Node* CgroupHandle::node_of(const std::string& controller) const {
  if (is_v2()) {
    return &nodes_[0];
  }
  const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& node) {
    return has_controller(node.directory.controllers, controller);
  });
  return found == nodes_.end() ? nullptr : &*found;
}

Status CgroupHandle::join_self() const {
  for (const auto& node : nodes_) {
    if (!node.tasks) {
      return fail_errno("join cgroup " + node.directory.path, EACCES);
    }
    if (::write(node.tasks.get(), "0", 1) != 1) {
      return fail_errno("join cgroup " + node.directory.path);
    }
  }
  return {};
}

Status CgroupHandle::add_process(pid_t pid) const {
  for (const auto& node : nodes_) {
    TRY_WITH(write_value(node.dir.get(), "cgroup.procs", std::to_string(pid)), node.directory.path);
  }
  return {};
}

std::vector<CgroupFailure> CgroupHandle::apply(std::span<const CgroupValue> values) const {
  std::vector<CgroupFailure> failures;
  for (const auto& item : values) {
    const Node* node = node_of(item.controller);
    const Status done =
        node == nullptr ? Status(no_controller(item.controller)) : write_value(node->dir.get(), item.file, item.value);
    if (!done && !(item.optional && done.error().sys_errno == ENOENT)) {
      failures.push_back({item.file, done.error()});
    }
  }
  return failures;
}

Status CgroupHandle::apply_device_rules(std::span<const DeviceRule> rules) const {
  const Node* node = node_of("devices");
  if (node == nullptr) {
    return no_controller("devices");
  }
  if (is_v2()) {
    return attach_device_program(node->dir.get(), device_program(rules));
  }
  TRY(write_value(node->dir.get(), "devices.deny", "a"));
  for (const auto& rule : rules) {
    TRY(write_value(node->dir.get(), rule.allow ? "devices.allow" : "devices.deny", format_device_rule(rule)));
  }
  return {};
}

Result<std::string> CgroupHandle::read(const std::string& controller, const std::string& file) const {
  const Node* node = node_of(controller);
  if (node == nullptr) {
    return no_controller(controller);
  }
  return read_file(node->dir.get(), file, kFileLimit);
}

Result<UniqueFd> CgroupHandle::open_file(const std::string& controller, const std::string& file, int flags) const {
  const Node* node = node_of(controller);
  if (node == nullptr) {
    return fail_errno("cgroup controller " + controller, ENOENT);
  }
  return open_at(node->dir.get(), file, flags | O_NOFOLLOW);
}

}  // namespace nucleus::sys
