// Namespaces: names, identity, joining, and the small settings that belong to a new one.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/sys/procfs.hpp"

namespace nucleus::sys {

struct NamespaceKind {
  std::string_view spec_name;  // linux.namespaces[].type
  std::string_view proc_name;  // below /proc/PID/ns
  std::uint64_t clone_flag = 0;
};
[[nodiscard]] const std::array<NamespaceKind, 8>& namespace_kinds();
[[nodiscard]] const NamespaceKind* find_namespace_kind(std::string_view spec_name);

struct NamespaceId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const NamespaceId&) const = default;
};

// Opens a namespace file and checks with NS_GET_NSTYPE that it is a namespace of the wanted kind: EINVAL otherwise.
[[nodiscard]] Result<UniqueFd> open_namespace(const std::string& path, const NamespaceKind& kind);
// /proc/PID/ns/NAME.
[[nodiscard]] Result<UniqueFd> open_namespace_of(const ProcHandle& proc, pid_t pid, const NamespaceKind& kind);
[[nodiscard]] Result<NamespaceId> namespace_id(int fd);
// Of the calling process.
[[nodiscard]] Result<NamespaceId> own_namespace_id(const NamespaceKind& kind);

// setns(2). The kind is checked by the kernel.
[[nodiscard]] Status join_namespace(int fd, const NamespaceKind& kind);
// All namespaces in `clone_flags` of the process behind `pidfd`, in one call (Linux 5.8).
[[nodiscard]] Status join_namespaces_of(int pidfd, std::uint64_t clone_flags);
[[nodiscard]] Status unshare_namespaces(std::uint64_t clone_flags);

[[nodiscard]] Status set_hostname(std::string_view name);
[[nodiscard]] Status set_domainname(std::string_view name);
// Sets IFF_UP on lo of the caller's network namespace.
[[nodiscard]] Status bring_loopback_up();

struct ClockOffset {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
};
// Keys "monotonic" and "boottime". Only before the first process enters the time namespace made for `pid`'s children.
[[nodiscard]] Status write_time_offsets(const ProcHandle& proc, pid_t pid,
                                        const std::map<std::string, ClockOffset>& offsets);

}  // namespace nucleus::sys
