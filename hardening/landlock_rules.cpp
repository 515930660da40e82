#include "hardening/landlock_rules.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "hardening/json_text.hpp"
#include "hardening/landlock_policy.hpp"
#include "hardening/mount_kind.hpp"
#include "hardening/namespace_text.hpp"
#include "hardening/path_text.hpp"
#include "runtime/base/landlock_rights.hpp"

namespace nucleus::hardening {
namespace {

// Rights add up along the path from a file to "/", through mounts too. So "/" itself may only be listed, and every
// right hangs on a directory directly below it or on a mount.
using Rules = std::map<std::string, std::uint64_t>;

constexpr AccessSet set_of(Access access) { return static_cast<AccessSet>(access); }
constexpr AccessSet kRead = set_of(Access::read);
constexpr AccessSet kReadExecute = kRead | set_of(Access::execute);
constexpr AccessSet kReadWrite = kRead | set_of(Access::write) | set_of(Access::create) | set_of(Access::remove);
constexpr AccessSet kEverything = kReadWrite | set_of(Access::execute);
constexpr AccessSet kUseNodes = kRead | set_of(Access::write) | set_of(Access::ioctl);

// In a writable root: programs and libraries, executable but not writable; and data, the other way round.
constexpr std::array<std::string_view, 7> kCode = {"bin", "lib", "lib32", "lib64", "libx32", "sbin", "usr"};
constexpr std::array<std::string_view, 9> kData = {"etc", "home", "media", "mnt", "root", "run", "srv", "tmp", "var"};

enum class Layout : std::uint8_t { code, data, kernel, devices, other };

Layout layout_of(std::string_view name) {
  if (std::ranges::count(kCode, name) != 0) {
    return Layout::code;
  }
  if (std::ranges::count(kData, name) != 0) {
    return Layout::data;
  }
  return name == "dev" ? Layout::devices : name == "proc" || name == "sys" ? Layout::kernel : Layout::other;
}

struct Input {
  const oci::Spec& spec;
  const Policy& policy;
  const HostFacts& facts;
  bool writable_root;
};

AccessSet bind_or_tmpfs_access(const oci::Mount& mount) {
  const bool executable = !has_flag(mount.options, "noexec");
  const AccessSet base = is_read_only(mount) ? kRead : kReadWrite;
  const bool node = mount_kind(mount) == MountKind::bind && normal_path(mount.source).starts_with("/dev/");
  return base | (executable ? set_of(Access::execute) : AccessSet{0}) | (node ? set_of(Access::ioctl) : AccessSet{0});
}

AccessSet mount_access(const oci::Mount& mount) {
  switch (mount_kind(mount)) {
    case MountKind::proc:
      return kRead | set_of(Access::write);
    case MountKind::mqueue:
      return kReadWrite;
    case MountKind::kernel:
      return is_read_only(mount) ? kRead : kReadWrite;
    case MountKind::devpts:
    case MountKind::device_tmpfs:
      return kUseNodes;
    case MountKind::bind:
    case MountKind::tmpfs:
    case MountKind::other:
      break;
  }
  return bind_or_tmpfs_access(mount);
}

bool is_mount_point(const oci::Spec& spec, std::string_view path) {
  return std::ranges::any_of(spec.mounts,
                             [&](const oci::Mount& mount) { return normal_path(mount.destination) == path; });
}

bool writable_mount_below(const oci::Spec& spec, std::string_view directory) {
  return std::ranges::any_of(spec.mounts, [&](const oci::Mount& mount) {
    return !is_read_only(mount) && at_or_below(normal_path(mount.destination), directory);
  });
}

bool may_write_and_execute(const Input& in, const std::string& path) {
  return in.policy.find(GrantKind::exec, path) != nullptr || in.policy.find(GrantKind::exec, "/") != nullptr;
}

// In a read-only root nothing can be added, so what the image holds may run; but rights given to a data directory
// would reach the writable mounts below it.
AccessSet read_only_root_access(const Input& in, const std::string& path, Layout layout) {
  return layout == Layout::data && writable_mount_below(in.spec, path) ? kRead : kReadExecute;
}

AccessSet directory_access(const Input& in, const std::string& name) {
  const std::string path = "/" + name;
  const Layout layout = layout_of(name);
  if (layout == Layout::devices) {
    return kUseNodes;
  }
  if (layout == Layout::kernel) {
    return kRead;
  }
  if (!in.writable_root) {
    return read_only_root_access(in, path, layout);
  }
  if (layout == Layout::other || may_write_and_execute(in, path)) {
    return kEverything;
  }
  return layout == Layout::code ? kReadExecute : kReadWrite;
}

std::vector<RootEntry> top_level(const HostFacts& facts) {
  if (facts.rootfs.readable) {
    return facts.rootfs.top_level;
  }
  std::vector<RootEntry> entries;
  entries.reserve(std::size(kCode) + std::size(kData));
  for (const auto name : kCode) {
    entries.push_back({std::string(name), RootEntry::Kind::directory});
  }
  for (const auto name : kData) {
    entries.push_back({std::string(name), RootEntry::Kind::directory});
  }
  return entries;
}

// A symlink's target has, or lies below, an entry of its own.
Rules derive(const Input& in, int abi) {
  Rules rules = {{"/", landlock::kReadDir}};
  for (const auto& entry : top_level(in.facts)) {
    const std::string path = "/" + entry.name;
    if (is_mount_point(in.spec, path)) {
      continue;
    }
    if (entry.kind == RootEntry::Kind::directory) {
      rules[path] = landlock_bits(directory_access(in, entry.name), abi);
    } else if (entry.kind == RootEntry::Kind::file) {
      rules[path] = landlock_bits(kReadExecute, abi) & landlock::kFileRights;
    }
  }
  for (const auto& mount : in.spec.mounts) {  // a later mount on the same place covers an earlier one
    rules[normal_path(mount.destination)] = landlock_bits(mount_access(mount), abi);
  }
  return rules;
}

// The policy's in the place of those for the root file system; see landlock_policy.hpp.
Rules from_policy(const Input& in, int abi) {
  Rules rules;
  for (const auto& rule : effective_rules(in.spec, in.policy.landlock, in.facts, in.writable_root).rules) {
    rules[rule.path] |= landlock_bits(rule.access, abi);
  }
  for (auto mount = in.spec.mounts.rbegin(); mount != in.spec.mounts.rend(); ++mount) {  // the last on a place covers
    rules.emplace(normal_path(mount->destination), landlock_bits(mount_access(*mount), abi));
  }
  return rules;
}

std::uint64_t scopes(const oci::Spec& spec, const HostFacts& facts) {
  std::uint64_t scoped = 0;
  scoped |= shares_host(spec, facts, "network") ? landlock::kScopeAbstractUnixSocket : 0;
  scoped |= shares_host(spec, facts, "pid") ? landlock::kScopeSignal : 0;
  return scoped & landlock::all_scopes(facts.landlock_abi);
}

bool root_is_writable(const oci::Spec& spec, bool ephemeral_root) { return ephemeral_root || !spec.root.readonly; }

}  // namespace

std::uint64_t landlock_bits(AccessSet access, int abi) {
  using enum Access;
  constexpr std::array<std::pair<Access, std::uint64_t>, 6> kWords = {{
      {read, landlock::kReadFile | landlock::kReadDir},
      {write, landlock::kWriteFile | landlock::kTruncate},
      {execute, landlock::kExecute},
      {create, landlock::kMakeReg | landlock::kMakeDir | landlock::kMakeSym | landlock::kMakeSock |
                   landlock::kMakeFifo | landlock::kRefer},
      {remove, landlock::kRemoveFile | landlock::kRemoveDir},
      {ioctl, landlock::kIoctlDev},
  }};
  std::uint64_t bits = 0;
  for (const auto& [word, rights] : kWords) {
    bits |= (access & set_of(word)) != 0 ? rights : 0;
  }
  return bits & landlock::all_fs_rights(abi);
}

LandlockRuleset landlock_rules(const oci::Spec& hardened, const Policy& policy, const HostFacts& facts,
                               bool ephemeral_root) {
  LandlockRuleset out;
  out.abi = facts.landlock_abi;
  if (out.abi <= 0) {
    out.abi = 0;
    return out;
  }
  out.handled_fs = landlock::all_fs_rights(out.abi);
  out.scoped = scopes(hardened, facts);
  const Input in{hardened, policy, facts, root_is_writable(hardened, ephemeral_root)};
  const Rules rules = policy.landlock.rules.empty() ? derive(in, out.abi) : from_policy(in, out.abi);
  for (const auto& [path, access] : rules) {
    if (access != 0) {  // the kernel refuses a rule that allows nothing (ENOMSG)
      out.paths.push_back({path, access});
    }
  }
  return out;
}

std::vector<std::string> landlock_notes(const oci::Spec& hardened, const Policy& policy, const HostFacts& facts,
                                        bool ephemeral_root) {
  if (facts.landlock_abi <= 0) {
    return {};
  }
  if (!policy.landlock.rules.empty()) {
    return effective_rules(hardened, policy.landlock, facts, root_is_writable(hardened, ephemeral_root)).notes;
  }
  std::vector<std::string> notes;
  if (!facts.rootfs.readable) {
    notes.emplace_back("the root file system cannot be read here: rules are shown for the usual top-level directories");
  }
  const Input in{hardened, policy, facts, root_is_writable(hardened, ephemeral_root)};
  std::vector<std::string> both;
  for (const auto& entry : top_level(facts)) {
    const std::string path = "/" + entry.name;
    if (entry.kind == RootEntry::Kind::directory && !is_mount_point(hardened, path) &&
        directory_access(in, entry.name) == kEverything) {
      both.push_back(path);
    }
  }
  if (!both.empty()) {
    notes.push_back(join(both) + (both.size() == 1 ? " stays" : " stay") + " writable and executable");
  }
  return notes;
}

}  // namespace nucleus::hardening
