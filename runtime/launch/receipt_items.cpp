#include "runtime/launch/receipt_items.hpp"

#include <algorithm>
#include <cstdio>

#include "hardening/attestation.hpp"
#include "hardening/digest.hpp"
#include "hardening/path_text.hpp"
#include "oci/mount_options.hpp"
#include "runtime/base/capability.hpp"

namespace nucleus::launch {
namespace {

using state::ReceiptItem;

void add(std::vector<ReceiptItem>& out, std::string control, std::string expected, std::string observed) {
  const bool matches = expected.empty() || expected == observed;
  out.push_back({std::move(control), std::move(expected), std::move(observed), matches});
}

std::string status_field(const KernelTruth& truth, const char* key) {
  const auto hit = truth.status.find(key);
  return hit == truth.status.end() ? std::string("(not reported)") : hit->second;
}

// ---- credentials ----------------------------------------------------------------------------------------------------

std::string hex_mask(CapabilityMask mask) {
  char text[32];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(mask));
  return text;
}

// capabilities(7), "Transformation of capabilities during execve()": uid 0 of the namespace gets the bounding set (plus
// what is inheritable), under no_new_privs only what it had; everybody else keeps the ambient set.
void capabilities(const ReceiptContext& context, std::vector<ReceiptItem>& out) {
  const oci::Capabilities caps = context.spec.process->capabilities.value_or(oci::Capabilities{});
  const CapabilityMask bounding = capability_mask(caps.bounding);
  const CapabilityMask inheritable = capability_mask(caps.inheritable);
  // As planned (runtime/plan/process.cpp): what is not permitted and inheritable too cannot be ambient.
  const CapabilityMask ambient = capability_mask(caps.ambient) & capability_mask(caps.permitted) & inheritable;
  const oci::Process& process = *context.spec.process;
  const CapabilityMask held = process.no_new_privileges ? capability_mask(caps.permitted) : ~CapabilityMask{0};
  const CapabilityMask after = process.user.uid == 0 ? ((bounding | inheritable) & held) | ambient : ambient;
  add(out, "capabilities.bounding", hex_mask(bounding), status_field(context.truth, "CapBnd"));
  add(out, "capabilities.permitted", hex_mask(after), status_field(context.truth, "CapPrm"));
  add(out, "capabilities.effective", hex_mask(after), status_field(context.truth, "CapEff"));
  add(out, "capabilities.inheritable", hex_mask(inheritable), status_field(context.truth, "CapInh"));
  add(out, "capabilities.ambient", hex_mask(ambient), status_field(context.truth, "CapAmb"));
}

// Where id `inside` lands on the host.
std::string host_id(std::uint32_t inside, const std::vector<oci::IdMapping>& mappings) {
  if (mappings.empty()) {
    return std::to_string(inside);
  }
  for (const auto& mapping : mappings) {
    if (inside >= mapping.container_id && inside - mapping.container_id < mapping.size) {
      return std::to_string(mapping.host_id + (inside - mapping.container_id));
    }
  }
  return "unmapped";
}

// real, effective, saved and file system id in one line, as status has them.
std::string four(const std::string& id) { return id + "\t" + id + "\t" + id + "\t" + id; }

bool joins_user_namespace(const oci::Spec& spec) {
  return std::any_of(spec.linux.namespaces.begin(), spec.linux.namespaces.end(),
                     [](const auto& entry) { return entry.type == "user" && !entry.path.empty(); });
}

// As planned (runtime/plan/process.cpp): without a group to set, and in a user namespace that may deny setgroups(2), those
// of the caller may stay. The kernel sorts.
void groups(const ReceiptContext& context, bool known, std::vector<ReceiptItem>& out) {
  const auto& mappings = context.spec.linux.gid_mappings;
  const auto& wanted = context.spec.process->user.additional_gids;
  const bool set = !wanted.empty() || mappings.empty() || mappings.front().size > 1;
  std::vector<std::uint32_t> sorted(wanted.begin(), wanted.end());
  std::ranges::sort(sorted);
  std::string expected;
  for (const std::uint32_t group : sorted) {
    expected += (expected.empty() ? "" : " ") + host_id(group, mappings);
  }
  std::string observed = status_field(context.truth, "Groups");
  const bool compared = known && set;
  const std::string shown = compared && expected.empty() ? "none" : expected;
  add(out, "groups", compared ? shown : "", observed.empty() ? "none" : observed);
}

void ids(const ReceiptContext& context, std::vector<ReceiptItem>& out) {
  const oci::User& user = context.spec.process->user;
  const oci::Linux& linux = context.spec.linux;
  const bool known = !joins_user_namespace(context.spec);
  add(out, "uid", known ? four(host_id(user.uid, linux.uid_mappings)) : "", status_field(context.truth, "Uid"));
  groups(context, known, out);
  add(out, "gid", known ? four(host_id(user.gid, linux.gid_mappings)) : "", status_field(context.truth, "Gid"));
}

// ---- the sandbox ----------------------------------------------------------------------------------------------------

// AppArmor: "PROFILE (enforce)"; a profile that only complains confines nothing. SELinux: the label.
void label(const ReceiptContext& context, std::vector<ReceiptItem>& out) {
  const oci::Process& process = *context.spec.process;
  const std::string& observed = context.truth.label;
  if (!process.apparmor_profile.empty()) {
    const bool free = process.apparmor_profile == "unconfined";
    add(out, "apparmor", process.apparmor_profile + (free ? "" : " (enforce)"), observed.empty() ? "(none)" : observed);
  } else if (!process.selinux_label.empty()) {
    add(out, "selinux", process.selinux_label, observed.empty() ? "(none)" : observed);
  } else if (!observed.empty()) {
    add(out, "label", "", observed);
  }
}

void sandbox(const ReceiptContext& context, std::vector<ReceiptItem>& out) {
  const bool filtered = context.spec.linux.seccomp.has_value();
  add(out, "no_new_privs", context.spec.process->no_new_privileges ? "1" : "0",
      status_field(context.truth, "NoNewPrivs"));
  add(out, "seccomp.mode", filtered ? "2" : "0", status_field(context.truth, "Seccomp"));
  if (filtered) {
    const std::string expected = hardening::to_hex(hardening::sha256(context.filter));
    const std::string dumped = context.truth.filter;
    add(out, "seccomp.filter", dumped.empty() ? "" : expected,
        dumped.empty() ? "(not readable)" : hardening::to_hex(hardening::sha256(dumped)));
  }
  if (!context.watch.empty()) {
    add(out, "seccomp.watch", "", context.watch);
  }
  for (const auto& record : context.denied) {
    add(out, "seccomp.denied " + record.syscall, "", hardening::describe(record));
  }
  label(context, out);
  // The kernel does not show a process's Landlock domain; what was entered is recorded, not observed.
  const auto& landlock = context.confinement.landlock;
  add(out, "landlock.abi", "", std::to_string(landlock.abi));
  char rights[80];
  std::snprintf(rights, sizeof rights, "files %#llx, network %#llx, scoped %#llx",
                static_cast<unsigned long long>(landlock.handled_fs),
                static_cast<unsigned long long>(landlock.handled_net),
                static_cast<unsigned long long>(landlock.scoped));
  add(out, "landlock.handled", "", rights);
  add(out, "landlock.rules", "", std::to_string(landlock.paths.size() + landlock.ports.size()));
}

void namespaces(const ReceiptContext& context, std::vector<ReceiptItem>& out) {
  for (const auto& [type, identity] : context.truth.namespaces) {
    const auto& wanted = context.spec.linux.namespaces;
    const auto entry = std::ranges::find(wanted, type, &oci::Namespace::type);
    const auto host = context.host_namespaces.find(type);
    const bool is_host = host != context.host_namespaces.end() && host->second == identity;
    const std::string seen = (is_host ? "host " : "own ") + identity;
    const bool asked_new = entry != wanted.end() && entry->path.empty();
    out.push_back({"namespace." + type, asked_new ? "own" : "", seen, !asked_new || !is_host});
  }
}

void egress(const ReceiptContext& context, std::vector<ReceiptItem>& out) {
  if (context.egress == nullptr) {
    add(out, "egress.rules", "", "none");
    return;
  }
  const EgressTruth& truth = *context.egress;
  add(out, "egress.rules", "as planned", truth.difference.empty() ? "as planned" : "different: " + truth.difference);
  if (truth.followed) {
    add(out, "egress.names", "followed", truth.following ? "followed" : "nobody follows them: none is reachable anew");
  }
  add(out, "egress.denied", "", std::to_string(truth.denied_packets) + " packets");
  for (const auto& [address, protocol, port] : truth.denied) {
    const std::string name = protocol == 6 ? "tcp" : protocol == 17 ? "udp" : "protocol " + std::to_string(protocol);
    add(out, "egress.denied " + address, "", name + " " + std::to_string(port));
  }
}

void append(std::vector<ReceiptItem>& out, std::vector<ReceiptItem> more) {
  out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void limits(const ReceiptContext& context, std::vector<ReceiptItem>& out) {
  append(out, process_limit_items(*context.spec.process, context.truth));
  add(out, "cgroup", "", context.truth.cgroup);
  append(out, cgroup_items(context.limits));
}

// ---- mounts ---------------------------------------------------------------------------------------------------------

// The mount that `path` leads to the root of: the topmost one exactly there, or behind symlinks.
const MountEntry* mount_at(const KernelTruth& truth, const std::string& path) {
  const auto there = std::find_if(truth.mounts.rbegin(), truth.mounts.rend(),
                                  [&](const MountEntry& entry) { return entry.target == path; });
  if (there != truth.mounts.rend()) {
    return &*there;
  }
  const auto led = truth.paths.find(path);
  if (led == truth.paths.end() || !led->second.covered) {
    return nullptr;
  }
  const auto hit = std::ranges::find(truth.mounts, led->second.mount, &MountEntry::id);
  return hit == truth.mounts.end() ? nullptr : &*hit;
}

bool has_option(const std::string& options, std::string_view name) {
  for (std::size_t begin = 0; begin <= options.size();) {
    const std::size_t comma = std::min(options.find(',', begin), options.size());
    if (std::string_view(options).substr(begin, comma - begin) == name) {
      return true;
    }
    begin = comma + 1;
  }
  return false;
}

struct Flag {
  std::uint64_t bit;
  std::string_view name;
};
constexpr Flag kFlags[] = {{oci::mount_attr::kReadonly, "ro"},
                           {oci::mount_attr::kNosuid, "nosuid"},
                           {oci::mount_attr::kNodev, "nodev"},
                           {oci::mount_attr::kNoexec, "noexec"}};

std::string flag_words(std::uint64_t bits) {
  std::string out;
  for (const Flag& flag : kFlags) {
    if ((bits & flag.bit) != 0) {
      out += (out.empty() ? "" : ",") + std::string(flag.name);
    }
  }
  return out;
}

// Of the wanted flags, those that the kernel shows.
std::string shown_flags(std::uint64_t wanted, const std::string& options) {
  std::uint64_t shown = 0;
  for (const Flag& flag : kFlags) {
    if ((wanted & flag.bit) != 0 && has_option(options, flag.name)) {
      shown |= flag.bit;
    }
  }
  return flag_words(shown);
}

void mount_item(const KernelTruth& truth, const std::string& target, std::uint64_t wanted,
                std::vector<ReceiptItem>& out) {
  const MountEntry* entry = mount_at(truth, target);
  if (entry == nullptr) {
    out.push_back({"mount " + target, flag_words(wanted), "(not mounted)", false});
    return;
  }
  add(out, "mount " + target, flag_words(wanted), shown_flags(wanted, entry->options));
}

// A second mount on "/" would be the host's tree, out of sight of init but not of whoever enters by setns(2).
void root_mounts(const ReceiptContext& context, std::vector<ReceiptItem>& out) {
  const auto& all = context.truth.mounts;
  const auto roots = std::count_if(all.begin(), all.end(), [](const MountEntry& entry) { return entry.target == "/"; });
  add(out, "mount / stacked", "1", std::to_string(roots));
}

void mounts(const ReceiptContext& context, std::vector<ReceiptItem>& out) {
  root_mounts(context, out);
  // Compared before it was mounted: a root that differs is not started.
  if (const auto& attestation = context.confinement.policy.attestation) {
    add(out, "rootfs.manifest", "", hardening::describe(*attestation));
  }
  if (context.spec.root.readonly) {
    mount_item(context.truth, "/", oci::mount_attr::kReadonly, out);
  }
  for (const auto& mount : context.spec.mounts) {
    const auto options = oci::parse_mount_options(mount.options);
    mount_item(context.truth, hardening::normal_path(mount.destination), options.own.set | options.tree.set, out);
  }
}

// Paths of the lists that do not exist in the container have nothing to cover, so only what is there is judged.
void paths(const ReceiptContext& context, std::vector<ReceiptItem>& out) {
  for (const auto& path : context.spec.linux.masked_paths) {
    const MountEntry* entry = mount_at(context.truth, path);
    const bool bare = entry == nullptr && context.truth.paths.contains(path);
    const std::string seen = entry != nullptr ? "covered by " + entry->type : bare ? "visible" : "absent";
    out.push_back({"masked " + path, bare ? "covered" : "", seen, !bare});
  }
  for (const auto& path : context.spec.linux.readonly_paths) {
    const MountEntry* entry = mount_at(context.truth, path);
    if (entry != nullptr || context.truth.paths.contains(path)) {
      const bool readonly = entry != nullptr && has_option(entry->options, "ro");
      add(out, "readonly " + path, "ro", readonly ? "ro" : "rw");
    }
  }
}

}  // namespace

std::vector<ReceiptItem> receipt_items(const ReceiptContext& context) {
  std::vector<ReceiptItem> out;
  ids(context, out);
  capabilities(context, out);
  sandbox(context, out);
  namespaces(context, out);
  egress(context, out);
  limits(context, out);
  mounts(context, out);
  paths(context, out);
  return out;
}

}  // namespace nucleus::launch
