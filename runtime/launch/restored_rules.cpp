#include "runtime/launch/restored_rules.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <sstream>

#include "hardening/mount_kind.hpp"
#include "hardening/path_text.hpp"
#include "runtime/plan/criu.hpp"

namespace nucleus::launch {
namespace {

Status broken(const ThreadTruth& thread, const std::string& what) {
  return fail(ErrorCode::policy, "the image would be less confined than its config: " + thread.name + ": " + what);
}

std::string field(const ThreadTruth& thread, const char* key) {
  const auto hit = thread.status.find(key);
  return hit == thread.status.end() ? std::string("(not reported)") : hit->second;
}

std::string hex(CapabilityMask mask) {
  std::ostringstream out;
  out << std::hex << mask;
  return out.str();
}

// ---- rules ----------------------------------------------------------------------------------------------------------

std::optional<std::uint32_t> host_id(std::uint32_t inside, const std::vector<oci::IdMapping>& mappings) {
  if (mappings.empty()) {
    return inside;
  }
  for (const auto& mapping : mappings) {
    if (inside >= mapping.container_id && inside - mapping.container_id < mapping.size) {
      return mapping.host_id + (inside - mapping.container_id);
    }
  }
  return std::nullopt;
}

std::string four(std::optional<std::uint32_t> id) {
  const std::string text = id ? std::to_string(*id) : "unmapped";
  return text + "\t" + text + "\t" + text + "\t" + text;
}

std::string map_text(const std::vector<oci::IdMapping>& mappings) {
  std::string out;
  for (const auto& mapping : mappings) {
    out += std::to_string(mapping.container_id) + " " + std::to_string(mapping.host_id) + " " +
           std::to_string(mapping.size) + "\n";
  }
  return out;
}

// Without the capability, and without set-user-ID programs, an id is for ever.
void rule_ids(const oci::Spec& spec, ThreadRules& out) {
  const auto& wanted = spec.linux.namespaces;
  const auto user = std::ranges::find(wanted, "user", &oci::Namespace::type);
  const bool unknown = user != wanted.end() && !user->path.empty();
  if (user != wanted.end() && !unknown) {
    out.id_maps = {{"uid_map", map_text(spec.linux.uid_mappings)}, {"gid_map", map_text(spec.linux.gid_mappings)}};
  }
  if (unknown || !out.no_new_privileges) {
    return;
  }
  const oci::User& who = spec.process->user;
  if ((out.held & capability_bit("CAP_SETUID")) == 0) {
    out.uid = four(host_id(who.uid, spec.linux.uid_mappings));
  }
  if ((out.held & capability_bit("CAP_SETGID")) == 0) {
    out.gid = four(host_id(who.gid, spec.linux.gid_mappings));
  }
}

// ---- verdicts -------------------------------------------------------------------------------------------------------

Status judge_capabilities(const ThreadRules& rules, const ThreadTruth& thread) {
  constexpr std::array kSets = {"CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"};
  for (const char* set : kSets) {
    const std::string text = field(thread, set);
    CapabilityMask mask = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mask, 16);
    const CapabilityMask allowed = std::string_view(set) == "CapBnd" ? rules.bounding : rules.held;
    if (error != std::errc{} || end != text.data() + text.size() || (mask & ~allowed) != 0) {
      return broken(thread, std::string(set) + " is " + text + ", at most " + hex(allowed) + " is allowed");
    }
  }
  return {};
}

Status judge_field(const ThreadTruth& thread, const char* key, const std::string& wanted) {
  const std::string seen = field(thread, key);
  return wanted.empty() || seen == wanted ? Status{}
                                          : broken(thread, std::string(key) + " is " + seen + ", planned " + wanted);
}

Status judge_seccomp(const ThreadRules& rules, const ThreadTruth& thread) {
  if (!rules.filtered) {
    return {};
  }
  TRY(judge_field(thread, "Seccomp", "2"));
  if (thread.filters && std::ranges::find(*thread.filters, rules.filter) == thread.filters->end()) {
    return broken(thread, "the planned seccomp filter is not among its filters");
  }
  return {};
}

Status judge_namespaces(const ThreadRules& rules, const ThreadTruth& thread) {
  for (const auto& forbidden : rules.forbidden) {
    for (const auto& [type, identity] : forbidden) {
      const auto seen = thread.namespaces.find(type);
      if (seen == thread.namespaces.end() || seen->second == identity) {
        return broken(thread, "it has no " + type + " namespace of the container's");
      }
    }
  }
  for (const auto& [type, identity] : rules.joined) {
    const auto seen = thread.namespaces.find(type);
    if (seen == thread.namespaces.end() || seen->second != identity) {
      return broken(thread, "it is not in the " + type + " namespace that the config names");
    }
  }
  return {};
}

bool is_below(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

}  // namespace

ThreadRules thread_rules(const oci::Spec& spec, std::string filter, const NamespaceIds& own, NamespaceIds joined) {
  ThreadRules out;
  const oci::Capabilities caps = spec.process->capabilities.value_or(oci::Capabilities{});
  out.bounding = capability_mask(caps.bounding);
  // Under no_new_privs execve gives nothing that was not permitted before.
  out.held = capability_mask(caps.permitted) | capability_mask(caps.inheritable) |
             (spec.process->no_new_privileges ? CapabilityMask{0} : out.bounding);
  out.no_new_privileges = spec.process->no_new_privileges;
  out.filtered = spec.linux.seccomp.has_value();
  out.filter = std::move(filter);
  out.joined = std::move(joined);
  out.real_time = spec.process->scheduler.has_value();
  NamespaceIds hosts;
  for (const auto& entry : spec.linux.namespaces) {
    const auto hit = own.find(entry.type);
    if (entry.path.empty() && hit != own.end()) {
      hosts.insert(*hit);
    }
  }
  out.forbidden.push_back(std::move(hosts));
  rule_ids(spec, out);
  return out;
}

Status judge_thread(const ThreadRules& rules, const ThreadTruth& thread) {
  TRY(judge_capabilities(rules, thread));
  TRY(judge_field(thread, "NoNewPrivs", rules.no_new_privileges ? "1" : ""));
  TRY(judge_seccomp(rules, thread));
  TRY(judge_field(thread, "Uid", rules.uid));
  TRY(judge_field(thread, "Gid", rules.gid));
  for (const auto& [name, wanted] : rules.id_maps) {
    const auto seen = thread.id_maps.find(name);
    if (seen == thread.id_maps.end() || seen->second != wanted) {
      return broken(thread, name + " is not the config's");
    }
  }
  TRY(judge_namespaces(rules, thread));
  const bool real_time = thread.policy == SCHED_FIFO || thread.policy == SCHED_RR || thread.policy == SCHED_DEADLINE;
  return real_time && !rules.real_time ? broken(thread, "it has a real-time scheduling policy") : Status{};
}

std::vector<std::string> planned_mounts(const oci::Spec& spec) {
  std::vector<std::string> out = plan::external_keys(spec);  // binds, masked paths, devices
  for (const auto& mount : spec.mounts) {
    out.push_back(hardening::normal_path(mount.destination));
  }
  out.insert(out.end(), spec.linux.readonly_paths.begin(), spec.linux.readonly_paths.end());
  out.emplace_back("/");
  return out;
}

Status judge_mounts(const oci::Spec& spec, const KernelTruth& truth) {
  const std::vector<std::string> planned = planned_mounts(spec);
  const std::set<std::string> places(planned.begin(), planned.end());
  std::set<std::uint64_t> led_to;
  for (const auto& path : planned) {
    const auto hit = truth.paths.find(path);
    if (hit != truth.paths.end() && hit->second.covered) {
      led_to.insert(hit->second.mount);
    }
  }
  const auto in_cgroup = [&](const MountEntry& entry) {  // one mount for each hierarchy of v1
    return entry.type == "cgroup" && std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const oci::Mount& mount) {
             return mount.type == "cgroup" && is_below(entry.target, hardening::normal_path(mount.destination));
           });
  };
  for (const auto& entry : truth.mounts) {
    if (places.count(entry.target) == 0 && led_to.count(entry.id) == 0 && !in_cgroup(entry)) {
      return fail(ErrorCode::policy,
                  "the image would be less confined than its config: it mounts " + entry.type + " on " + entry.target);
    }
  }
  for (const auto& mount : spec.mounts) {
    const std::string target = hardening::normal_path(mount.destination);
    const bool own = hardening::mount_kind(mount) != hardening::MountKind::bind && mount.type != "cgroup";
    for (const auto& entry : truth.mounts) {
      if (own && entry.target == target && entry.type != mount.type) {
        return fail(ErrorCode::policy, "the image would be less confined than its config: it mounts " + entry.type +
                                           " instead of " + mount.type + " on " + target);
      }
    }
  }
  return {};
}

}  // namespace nucleus::launch
