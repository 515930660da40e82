#include "runtime/sys/namespaces.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/io.hpp"

namespace nucleus::sys {
namespace {

Status check_kind(int fd, const std::string& path, const NamespaceKind& kind) {
  struct statfs status {};
  if (::fstatfs(fd, &status) != 0) {
    return fail_errno("statfs " + path);
  }
  if (status.f_type != NSFS_MAGIC) {
    return tl::unexpected<Error>(Error{ErrorCode::invalid_config, EINVAL, path + ": is not a namespace"});
  }
  const int type = ::ioctl(fd, NS_GET_NSTYPE);
  if (type < 0) {
    return fail_errno("namespace type of " + path);
  }
  if (static_cast<std::uint64_t>(type) != kind.clone_flag) {
    return tl::unexpected<Error>(
        Error{ErrorCode::invalid_config, EINVAL, path + ": is not a " + std::string(kind.spec_name) + " namespace"});
  }
  return {};
}

}  // namespace

const std::array<NamespaceKind, 8>& namespace_kinds() {
  static constexpr std::array<NamespaceKind, 8> kKinds = {{{"user", "user", CLONE_NEWUSER},
                                                           {"cgroup", "cgroup", CLONE_NEWCGROUP},
                                                           {"ipc", "ipc", CLONE_NEWIPC},
                                                           {"uts", "uts", CLONE_NEWUTS},
                                                           {"network", "net", CLONE_NEWNET},
                                                           {"pid", "pid", CLONE_NEWPID},
                                                           {"mount", "mnt", CLONE_NEWNS},
                                                           {"time", "time", CLONE_NEWTIME}}};
  return kKinds;
}

const NamespaceKind* find_namespace_kind(std::string_view spec_name) {
  for (const auto& kind : namespace_kinds()) {
    if (kind.spec_name == spec_name) {
      return &kind;
    }
  }
  return nullptr;
}

Result<UniqueFd> open_namespace(const std::string& path, const NamespaceKind& kind) {
  TRY_ASSIGN(UniqueFd fd, open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  TRY(check_kind(fd.get(), path, kind));
  return fd;
}

Result<UniqueFd> open_namespace_of(const ProcHandle& proc, pid_t pid, const NamespaceKind& kind) {
  const std::string directory = std::to_string(pid) + "/ns";
  TRY_ASSIGN(const UniqueFd ns, proc.open(directory, O_PATH | O_DIRECTORY));
  TRY_ASSIGN(UniqueFd fd, open_at(ns.get(), std::string(kind.proc_name), O_RDONLY));
  TRY(check_kind(fd.get(), directory, kind));
  return fd;
}

Result<NamespaceId> namespace_id(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    return fail_errno("stat namespace");
  }
  return NamespaceId{status.st_dev, status.st_ino};
}

Result<NamespaceId> own_namespace_id(const NamespaceKind& kind) {
  const std::string path = "/proc/self/ns/" + std::string(kind.proc_name);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return fail_errno("stat " + path);
  }
  return NamespaceId{status.st_dev, status.st_ino};
}

Status join_namespace(int fd, const NamespaceKind& kind) {
  if (::setns(fd, static_cast<int>(kind.clone_flag)) != 0) {
    return fail_errno("join " + std::string(kind.spec_name) + " namespace");
  }
  return {};
}

Status join_namespaces_of(int pidfd, std::uint64_t clone_flags) {
  if (::setns(pidfd, static_cast<int>(clone_flags)) != 0) {
    return fail_errno("join namespaces of a process");
  }
  return {};
}

Status unshare_namespaces(std::uint64_t clone_flags) {
  if (::unshare(static_cast<int>(clone_flags)) != 0) {
    return fail_errno("unshare");
  }
  return {};
}

Status set_hostname(std::string_view name) {
  if (::sethostname(name.data(), name.size()) != 0) {
    return fail_errno("sethostname");
  }
  return {};
}

Status set_domainname(std::string_view name) {
  if (::setdomainname(name.data(), name.size()) != 0) {
    return fail_errno("setdomainname");
  }
  return {};
}

Status bring_loopback_up() {
  const UniqueFd control(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!control) {
    return fail_errno("socket for lo");
  }
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  if (::ioctl(control.get(), SIOCGIFFLAGS, &request) != 0) {
    return fail_errno("read flags of lo");
  }
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(control.get(), SIOCSIFFLAGS, &request) != 0) {
    return fail_errno("bring lo up");
  }
  return {};
}

Status write_time_offsets(const ProcHandle& proc, pid_t pid, const std::map<std::string, ClockOffset>& offsets) {
  if (offsets.empty()) {
    return {};
  }
  std::string text;
  for (const auto& [clock, offset] : offsets) {
    text += clock + ' ' + std::to_string(offset.seconds) + ' ' + std::to_string(offset.nanoseconds) + '\n';
  }
  return proc.write(std::to_string(pid) + "/timens_offsets", text);
}

}  // namespace nucleus::sys
