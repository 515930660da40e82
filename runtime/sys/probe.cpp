#include "runtime/sys/probe.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "runtime/base/io.hpp"
#include "runtime/base/user_namespace.hpp"
#include "runtime/sys/cgroup.hpp"
#include "runtime/sys/credentials.hpp"
#include "runtime/sys/landlock.hpp"
#include "runtime/sys/limits.hpp"
#include "runtime/sys/namespaces.hpp"

namespace nucleus::sys {
namespace {

constexpr std::size_t kSmallFile = 64 * 1024;

std::string read_small(const std::string& path) {
  return read_file(AT_FDCWD, path, kSmallFile).value_or(std::string());
}

bool exists(const std::string& path) { return ::faccessat(AT_FDCWD, path.c_str(), F_OK, 0) == 0; }

bool has_seccomp_filters() {
  const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

// "none [integrity] confidentiality" -> "integrity".
std::string chosen_word(std::string_view text) {
  const auto open = text.find('[');
  const auto close = text.find(']');
  return open == std::string_view::npos || close == std::string_view::npos || close < open
             ? std::string()
             : std::string(text.substr(open + 1, close - open - 1));
}

bool has_selinux() {
  struct statfs status {};
  return ::statfs("/sys/fs/selinux", &status) == 0 && status.f_type == SELINUX_MAGIC;
}

std::vector<std::string> thermal_paths() {
  std::vector<std::string> paths;
  const long count = ::sysconf(_SC_NPROCESSORS_CONF);
  for (long cpu = 0; cpu < count; ++cpu) {
    std::string path = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/thermal_throttle";
    if (exists(path)) {
      paths.push_back(std::move(path));
    }
  }
  return paths;
}

// Absent where the path leads nowhere, or through a magic link to what has no path.
std::map<std::string, std::string> resolve_all(const std::vector<std::pair<std::string, std::string>>& paths) {
  std::map<std::string, std::string> resolved;
  for (const auto& [written, path] : paths) {
    const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
    if (real) {
      resolved[written] = real.get();
    }
  }
  return resolved;
}

std::optional<std::int32_t> own_oom_score() {
  const std::string text = read_small("/proc/self/oom_score_adj");
  std::int32_t score = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), score);
  return error == std::errc() ? std::optional(score) : std::nullopt;
}

NamespaceFact namespace_fact(const std::string& type, const std::string& path) {
  NamespaceFact fact;
  struct stat status {};
  fact.exists = ::stat(path.c_str(), &status) == 0;
  if (const NamespaceKind* kind = find_namespace_kind(type); fact.exists && kind != nullptr) {
    const auto own = own_namespace_id(*kind);
    fact.is_host = own && *own == NamespaceId{status.st_dev, status.st_ino};
  }
  return fact;
}

// The addresses of resolv.conf(5)'s nameserver lines.
std::vector<std::string> nameservers(const std::string& path) {
  constexpr std::string_view kBlank = " \t\r";
  std::vector<std::string> out;
  const std::string text = read_small(path);
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::string_view line = std::string_view(text).substr(from, end - from);
    from = end + 1;
    const std::size_t key = line.find_first_not_of(kBlank);
    const std::size_t key_end = std::min(line.find_first_of(kBlank, key), line.size());
    const std::size_t value = line.find_first_not_of(kBlank, key_end);
    if (value != std::string_view::npos && line.substr(key, key_end - key) == "nameserver") {
      out.emplace_back(line.substr(value, line.find_first_of(kBlank, value) - value));
    }
  }
  return out;
}

}  // namespace

Result<HostFacts> probe_host(const ProbeRequest& request) {
  HostFacts facts;
  TRY_ASSIGN(const std::string uid_map, read_file(AT_FDCWD, "/proc/self/uid_map", kSmallFile));
  facts.in_user_namespace = !is_identity_map(uid_map);
  TRY_ASSIGN(const CapabilitySets capabilities, capability_sets());
  facts.capabilities = capabilities.effective;
  utsname names{};
  if (::uname(&names) == 0) {
    facts.kernel_release = names.release;
  }
  facts.landlock_abi = landlock_abi();
  facts.seccomp = has_seccomp_filters();
  facts.cgroup = find_cgroups().value_or(CgroupFacts());
  facts.user_namespaces = exists("/proc/self/ns/user") && read_small("/proc/sys/user/max_user_namespaces") != "0\n";
  facts.time_namespaces = exists("/proc/self/ns/time");
  facts.euid = ::geteuid();
  facts.apparmor = read_small("/sys/module/apparmor/parameters/enabled").starts_with('Y');
  facts.selinux = has_selinux();
  facts.thermal_paths = thermal_paths();
  facts.lockdown = chosen_word(read_small("/sys/kernel/security/lockdown"));
  for (const auto& entry : rlimit_names()) {
    if (const auto limit = get_rlimit(0, entry.number)) {
      facts.rlimits.emplace(entry.name, *limit);
    }
  }
  for (const auto& [type, path] : request.namespaces) {
    if (!path.empty()) {
      NamespaceFact& known = facts.namespace_paths[path];  // one path may be named for several types
      const NamespaceFact fact = namespace_fact(type, path);
      known = {known.exists || fact.exists, known.is_host || fact.is_host};
    }
  }
  facts.oom_score_adj = own_oom_score();
  facts.nameservers = request.nameservers ? nameservers("/etc/resolv.conf") : std::vector<std::string>();
  facts.bind_sources = resolve_all(request.binds);
  if (!request.rootfs.empty()) {
    facts.rootfs = probe_rootfs(request.rootfs, request.bundle);
  }
  return facts;
}

}  // namespace nucleus::sys
