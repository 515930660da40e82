#include "runtime/sys/id_map.hpp"

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "runtime/sys/id_map_helper.hpp"
#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::sys {
namespace {

bool is_own_id(const std::vector<IdRange>& ranges, std::uint32_t own) {
  return ranges.size() == 1 && ranges[0].size == 1 && ranges[0].host_id == own;
}

// The kernel lets a process without privilege write the one line that maps its own id; more needs the helper.
bool needs_helper(const Status& written) { return !written && written.error().sys_errno == EPERM && ::geteuid() != 0; }

Status write_uid_map(const ProcHandle& proc, const std::string& directory, pid_t pid,
                     const std::vector<IdRange>& ranges) {
  Status written = proc.write(directory + "uid_map", format_id_map(ranges));
  return needs_helper(written) ? write_id_map_by_helper(IdKind::user, pid, ranges) : written;
}

// setgroups is given up only for a map that cannot be had otherwise: without CAP_SETGID outside, the own group alone
// (user_namespaces(7), CVE-2014-8989). For other maps newgidmap decides it.
Result<bool> write_gid_map(const ProcHandle& proc, const std::string& directory, pid_t pid,
                           const std::vector<IdRange>& ranges) {
  const std::string text = format_id_map(ranges);
  const Status written = proc.write(directory + "gid_map", text);
  if (needs_helper(written) && !is_own_id(ranges, ::getegid())) {
    TRY(write_id_map_by_helper(IdKind::group, pid, ranges));
    TRY_ASSIGN(const std::string setgroups, proc.read(directory + "setgroups"));
    return setgroups == "allow\n";
  }
  if (written) {
    return true;
  }
  if (written.error().sys_errno != EPERM) {
    return tl::unexpected<Error>(written.error());
  }
  TRY(proc.write(directory + "setgroups", "deny"));
  TRY(proc.write(directory + "gid_map", text));
  return false;
}

}  // namespace

std::string format_id_map(const std::vector<IdRange>& ranges) {
  std::string text;
  for (const auto& range : ranges) {
    text += std::to_string(range.container_id) + ' ' + std::to_string(range.host_id) + ' ' +
            std::to_string(range.size) + '\n';
  }
  return text;
}

Result<bool> write_id_maps(const ProcHandle& proc, pid_t pid, const IdMaps& maps) {
  const std::string directory = std::to_string(pid) + '/';
  TRY(write_uid_map(proc, directory, pid, maps.uids));
  return write_gid_map(proc, directory, pid, maps.gids);
}

Result<UniqueFd> make_user_namespace(const ProcHandle& proc, const IdMaps& maps) {
  TRY_ASSIGN(Cloned cloned, clone3({CLONE_NEWUSER, -1}));
  if (cloned.pid == 0) {
    if (!set_parent_death_signal(SIGKILL)) {
      ::_exit(1);
    }
    for (;;) {
      ::pause();
    }
  }
  const Child holder(cloned.pid, std::move(cloned.pidfd));
  TRY(write_id_maps(proc, holder.pid(), maps));
  return open_namespace_of(proc, holder.pid(), *find_namespace_kind("user"));
}

}  // namespace nucleus::sys
