#include "runtime/sys/pid_namespace.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>

#include "runtime/sys/namespaces.hpp"

namespace nucleus::sys {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

pid_t pid_of(std::string_view name) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc() && end == name.data() + name.size() ? pid : 0;
}

Result<NamespaceId> pid_namespace(const ProcHandle& proc, pid_t pid) {
  TRY_ASSIGN(const UniqueFd fd, open_namespace_of(proc, pid, *find_namespace_kind("pid")));
  return namespace_id(fd.get());
}

}  // namespace

Result<std::vector<pid_t>> processes_in_pid_namespace_of(const ProcHandle& proc, pid_t init) {
  TRY_ASSIGN(const NamespaceId wanted, pid_namespace(proc, init));
  TRY_ASSIGN(const NamespaceId own, own_namespace_id(*find_namespace_kind("pid")));
  if (wanted == own) {
    return fail_errno("process " + std::to_string(init) + " is no container's init", ESRCH);
  }
  TRY_ASSIGN(UniqueFd listing, proc.open(".", O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(listing.get()));
  if (!stream) {
    return fail_errno("list /proc");
  }
  static_cast<void>(listing.release());
  std::vector<pid_t> pids;
  while (const dirent* entry = ::readdir(stream.get())) {
    const pid_t pid = pid_of(entry->d_name);
    const auto found = pid > 0 ? pid_namespace(proc, pid) : fail_errno("not a process", ESRCH);
    if (found && *found == wanted) {
      pids.push_back(pid);
    }
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

}  // namespace nucleus::sys
