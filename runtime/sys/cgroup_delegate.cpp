// cgroup v2 and the cgroups below a container's own: handing them over, and finding who moved there.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/sys/cgroup.hpp"

namespace nucleus::sys {
namespace {

constexpr std::size_t kFileLimit = 64 * 1024;
constexpr const char* kDelegateList = "/sys/kernel/cgroup/delegate";
constexpr const char* kDelegateBefore415 = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) {
      out.emplace_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// The path of the "0::" line of /proc/PID/cgroup.
Result<std::string> v2_path_of(pid_t pid) {
  constexpr std::string_view kUnified = "0::";
  TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, "/proc/" + std::to_string(pid) + "/cgroup", 1 << 20));
  for (const auto& line : lines_of(text)) {
    if (line.starts_with(kUnified)) {
      return line.substr(kUnified.size());
    }
  }
  return fail_errno("cgroup of process " + std::to_string(pid), ENOENT);
}

}  // namespace

Status CgroupHandle::delegate_to(uid_t uid) const {
  if (!is_v2()) {
    return {};
  }
  const auto list = read_file(AT_FDCWD, kDelegateList, kFileLimit);
  const int dir = nodes_[0].dir.get();
  constexpr gid_t kKeep = static_cast<gid_t>(-1);
  for (const auto& file : lines_of(list ? std::string_view(*list) : kDelegateBefore415)) {
    const bool plain = file.find('/') == std::string::npos;
    if (plain && ::fchownat(dir, file.c_str(), uid, kKeep, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT) {
      return fail_errno("delegate " + file);
    }
  }
  return ::fchown(dir, uid, kKeep) == 0 ? Status{} : fail_errno("delegate cgroup " + nodes_[0].directory.path);
}

Result<UniqueFd> CgroupHandle::inner_cgroup_of(const CgroupFacts& facts, pid_t pid) const {
  TRY_ASSIGN(const std::string path, v2_path_of(pid));
  const std::string place = facts.v2_mountpoint + path;
  const std::string below = is_v2() ? nodes_[0].directory.path + "/" : "";
  if (below.empty() || !place.starts_with(below) || (place + "/").find("/../") != std::string::npos) {
    return fail_errno("a cgroup of process " + std::to_string(pid) + " below the container's", ENOENT);
  }
  return open_at(nodes_[0].dir.get(), place.substr(below.size()), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace nucleus::sys
