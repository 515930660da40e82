#include "hardening/landlock_policy.hpp"

#include <algorithm>

#include "hardening/mount_kind.hpp"
#include "hardening/path_text.hpp"
#include "hardening/policy_set.hpp"

namespace nucleus::hardening {
namespace {

constexpr AccessSet bit(Access access) { return static_cast<AccessSet>(access); }
constexpr AccessSet kChanges = bit(Access::write) | bit(Access::create) | bit(Access::remove);

// The mount that holds the path, or nullptr for the root; of several on one place the last.
const oci::Mount* mount_of(const oci::Spec& spec, const std::string& path) {
  const oci::Mount* found = nullptr;
  std::string best;
  for (const auto& mount : spec.mounts) {
    std::string destination = normal_path(mount.destination);
    if (at_or_below(path, destination) && destination.size() >= best.size()) {
      best = std::move(destination);
      found = &mount;
    }
  }
  return found;
}

// Only the names at the top are known before the container exists.
bool is_absent(const oci::Spec& spec, const HostFacts& facts, const std::string& path) {
  if (path == "/" || !facts.rootfs.readable || mount_of(spec, path) != nullptr) {
    return false;
  }
  const std::string name = top_directory(path).substr(1);
  const bool leads_to_a_mount = std::ranges::any_of(
      spec.mounts, [&](const oci::Mount& mount) { return at_or_below(normal_path(mount.destination), path); });
  return !leads_to_a_mount && std::ranges::count(facts.rootfs.top_level, name, &RootEntry::name) == 0;
}

}  // namespace

EffectiveRules effective_rules(const oci::Spec& hardened, const LandlockPolicy& policy, const HostFacts& facts,
                               bool writable_root) {
  EffectiveRules out;
  const auto without = [&out](LandlockPathRule& rule, AccessSet words, const std::string& why) {
    if (const auto lost = static_cast<AccessSet>(rule.access & words); lost != 0) {
      out.notes.push_back(access_text(lost) + " gives nothing at " + rule.path + ": " + why + " [" + rule.origin + "]");
      rule.access = static_cast<AccessSet>(rule.access & ~words);
    }
  };
  for (LandlockPathRule rule : policy.rules) {
    rule.path = normal_path(rule.path);
    const oci::Mount* const mount = mount_of(hardened, rule.path);
    const std::string place = mount == nullptr ? "the root file system" : "the mount at " + mount->destination;
    if (mount == nullptr ? !writable_root : is_read_only(*mount)) {
      without(rule, kChanges, place + " is read-only");
    }
    if (mount != nullptr && has_flag(mount->options, "noexec")) {
      without(rule, bit(Access::execute), place + " is noexec");
    }
    if (is_absent(hardened, facts, rule.path)) {
      out.notes.push_back("the root file system has no " + top_directory(rule.path) + ": the rule for " + rule.path +
                          " gives nothing [" + rule.origin + "]");
    }
    out.rules.push_back(std::move(rule));
  }
  return out;
}

}  // namespace nucleus::hardening
