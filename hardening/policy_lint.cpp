#include "hardening/policy_lint.hpp"

#include <algorithm>
#include <array>

#include "hardening/path_text.hpp"
#include "hardening/policy_lock.hpp"
#include "runtime/base/capability.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::array kRules = {
    LintRule{"broad-egress",
             "an egress entry that reaches a large part of the Internet, the machine's metadata, or any port"},
    LintRule{"broad-grant", "a grant that opens the host, or most of it"},
    LintRule{"dangerous-call", "a system call that exploits and escapes use"},
    LintRule{"default-allow", "system calls that are not listed are allowed"},
    LintRule{"lock", "policy.lock is missing or names other digests"},
    LintRule{"many-processes", "so high a pids_limit that it limits nothing"},
    LintRule{"needless-capability", "a capability that nothing in a container needs"},
    LintRule{"nothing-runs", "Landlock rules that let nothing be executed"},
    LintRule{"old-landlock", "a min_abi that does not guard truncate"},
    LintRule{"open-arguments", "a system call whose arguments have to be limited and are not"},
    LintRule{"powerful-capability", "a capability that is as good as root on the host"},
    LintRule{"useless-capability", "a capability that the set's own system calls cannot use"},
    LintRule{"write-execute", "a place that is writable and executable"},
};

constexpr auto kPowerful =
    std::to_array<std::string_view>({"CAP_BPF", "CAP_DAC_READ_SEARCH", "CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE", "CAP_MKNOD",
                                     "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_SYS_BOOT",
                                     "CAP_SYS_MODULE", "CAP_SYS_PTRACE", "CAP_SYS_RAWIO", "CAP_SYSLOG"});

void lint_capability(const std::string& name, const std::string& place, std::vector<LintFinding>& out) {
  if (std::ranges::count(kPowerful, name) != 0) {
    out.push_back({LintLevel::warning, "powerful-capability", place,
                   name + " reaches the kernel, devices or other processes: as good as root on the host"});
  } else if (name == "CAP_NET_BIND_SERVICE") {
    out.push_back({LintLevel::warning, "needless-capability", place,
                   name + " is not needed: in a network namespace of its own a container may bind every port"});
  }
}

// "" where the grant is as narrow as its value.
std::string what_it_opens(const Grant& grant) {
  const auto below = [&](std::string_view tree) { return at_or_below(grant.value, tree); };
  switch (grant.kind) {
    case GrantKind::host_network:
      return "the host's network, where no egress rule holds";
    case GrantKind::host_pid:
      return "the host's processes, their environment and their files";
    case GrantKind::host_ipc:
      return "the host's shared memory";
    case GrantKind::new_privileges:
      return "setuid programs, and with them root inside of the container";
    case GrantKind::seccomp_unconfined:
      return "every system call that the engine lets through";
    case GrantKind::shared_mounts:
      return "mounts that reach the host";
    case GrantKind::unmasked:
      return "what the kernel says about itself and the hardware";
    case GrantKind::exec:
      return grant.value == "/" ? "every place to be written and executed" : "";
    case GrantKind::bind: {
      const bool tree = grant.value == "/" || below("/etc") || below("/proc") || below("/sys") || below("/dev");
      const bool control = grant.value.ends_with(".sock") || below("/var/lib/containers") || below("/var/lib/docker");
      return tree || control ? "the host's files or an engine's control socket" : "";
    }
    case GrantKind::writable:
      return grant.value == "/sys" || grant.value == "/proc" ? "settings of the kernel" : "";
    case GrantKind::device: {
      constexpr std::array<std::string_view, 6> kRaw = {"/dev/sd",  "/dev/nvme",   "/dev/vd",
                                                        "/dev/dm-", "/dev/mapper", "/dev/loop"};
      const bool memory = grant.value == "/dev/mem" || grant.value == "/dev/kmem" || grant.value == "/dev/port";
      const bool disk =
          std::ranges::any_of(kRaw, [&](std::string_view start) { return grant.value.starts_with(start); });
      const bool all = grant.value.find('*') != std::string::npos || grant.value == "a";
      return memory || disk || all ? "the machine's memory or disks" : "";
    }
    default:
      return "";
  }
}

void lint_grants(const Policy& policy, std::vector<LintFinding>& out) {
  for (const Grant& grant : policy.grants) {
    if (grant.kind == GrantKind::capability) {
      lint_capability(grant.value, grant.origin, out);
    }
    if (const std::string opens = what_it_opens(grant); !opens.empty()) {
      out.push_back({LintLevel::warning, "broad-grant", grant.origin, to_string(grant) + " opens " + opens});
    }
  }
  constexpr std::int64_t kMany = 32768;
  if (policy.pids_limit > kMany) {
    out.push_back({LintLevel::note, "many-processes", "policy " + policy.name + " (policy.toml)",
                   "pids_limit " + std::to_string(policy.pids_limit) + " is as much as a whole machine has"});
  }
}

bool covers_metadata(const AddressBlock& block) {
  constexpr AddressBytes kMetadata = {169, 254, 169, 254};
  if (block.network.v6) {
    return false;
  }
  for (unsigned i = 0; i < block.prefix; ++i) {
    if (((block.network.bytes[i / 8] ^ kMetadata[i / 8]) >> (7 - i % 8) & 1) != 0) {
      return false;
    }
  }
  return true;
}

void lint_entry(const EgressEntry& entry, std::vector<LintFinding>& out) {
  constexpr unsigned kWide4 = 8;
  constexpr unsigned kWide6 = 19;  // more than a registry's share
  const auto warn = [&](const std::string& text) {
    out.push_back({LintLevel::warning, "broad-egress", entry.origin, entry.text + " " + text});
  };
  if (entry.block && entry.block->prefix < (entry.block->network.v6 ? kWide6 : kWide4)) {
    warn("reaches a large part of the Internet");
  } else if (entry.block && covers_metadata(*entry.block)) {
    warn("reaches 169.254.169.254, where clouds hand out the machine's credentials");
  } else if (entry.ports.empty()) {
    out.push_back({LintLevel::note, "broad-egress", entry.origin, entry.text + " is open for every protocol and port"});
  }
}

void lint_egress(const Policy& policy, std::vector<LintFinding>& out) {
  for (const auto& entry : policy.egress.allow) {
    lint_entry(entry, out);
  }
  const std::string file = "policy " + policy.name + " (egress.toml)";
  if (policy.egress.dns) {
    out.push_back({LintLevel::warning, "broad-egress", file, "dns = true: data can leave in the names that are asked"});
  }
  if (policy.egress.private_names) {
    out.push_back({LintLevel::note, "broad-egress", file,
                   "private_names = true: who controls a name leads the container into the private network"});
  }
}

void lint_lock(const PolicySource& source, const Policy& policy, std::vector<LintFinding>& out) {
  if (source.directory.empty()) {
    return;
  }
  if (!source.lock) {
    out.push_back({LintLevel::note, "lock", source.lock_path(),
                   "is missing; `nucleus-oci policy lock " + policy.name + "` writes it"});
  } else if (const auto checked = check_lock(source.input, *source.lock, source.lock_path()); !checked) {
    out.push_back({LintLevel::warning, "lock", source.lock_path(), checked.error().text});
  }
}

}  // namespace

std::vector<LintRule> lint_rules() { return {kRules.begin(), kRules.end()}; }

std::vector<LintFinding> lint(const PolicySource& source, const Policy& policy) {
  std::vector<LintFinding> out;
  for (const auto& name : policy.keep_bounding) {
    lint_capability(name, policy.places.at("bounding " + name), out);
  }
  lint_egress(policy, out);
  lint_landlock(policy, out);
  lint_grants(policy, out);
  lint_seccomp(source, policy, out);
  lint_lock(source, policy, out);
  return out;
}

}  // namespace nucleus::hardening
