#include "runtime/sys/id_map.hpp"

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "runtime/sys/namespaces.hpp"
#include "runtime/sys/process.hpp"

namespace nucleus::sys {

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
  TRY(proc.write(directory + "uid_map", format_id_map(maps.uids)));
  const std::string gid_map = format_id_map(maps.gids);
  const Status written = proc.write(directory + "gid_map", gid_map);
  if (written) {
    return true;
  }
  if (written.error().sys_errno != EPERM) {
    return tl::unexpected<Error>(written.error());
  }
  // Without CAP_SETGID outside, only after giving up setgroups (user_namespaces(7), CVE-2014-8989).
  TRY(proc.write(directory + "setgroups", "deny"));
  TRY(proc.write(directory + "gid_map", gid_map));
  return false;
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
