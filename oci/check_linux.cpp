// config-linux.md, without namespaces, seccomp and resources.
#include <array>
#include <set>

#include "oci/checks.hpp"
#include "oci/memory_policy_names.hpp"

namespace nucleus::oci::checks {
namespace {

constexpr std::array<std::string_view, 4> kDeviceTypes = {"c", "b", "u", "p"};

// The spec names the first four; engines also write the recursive forms, which runc takes.
constexpr std::array<std::string_view, 9> kPropagations = {"",        "shared", "slave",    "private",    "unbindable",
                                                           "rshared", "rslave", "rprivate", "runbindable"};

constexpr std::array<std::string_view, 2> kDomains = {"LINUX", "LINUX32"};

Status path_list(std::string_view path, std::span<const std::string> list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    TRY(absolute_path(element(path, i), list[i]));
  }
  return {};
}

// Names below /proc/sys, their parts separated by dots or slashes: no empty part, so neither ".." nor an absolute path.
bool is_sysctl_name(std::string_view name) {
  constexpr std::string_view kPart = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-@+:,";
  bool in_part = false;
  for (const char c : name) {
    const bool separator = c == '.' || c == '/';
    if (separator ? !in_part : kPart.find(c) == std::string_view::npos) {
      return false;
    }
    in_part = !separator;
  }
  return in_part;
}

}  // namespace

Status devices(const Spec& spec) {
  for (std::size_t i = 0; i < spec.linux.devices.size(); ++i) {
    const Device& device = spec.linux.devices[i];
    const std::string path = element("linux.devices", i);
    TRY(absolute_path(path + ".path", device.path));
    TRY(known_name(path + ".type", "device type", device.type, kDeviceTypes));
    if (device.type != "p" && (device.major < 0 || device.minor < 0)) {
      return invalid(path, "major and minor must not be negative");
    }
  }
  return {};
}

Status net_devices(const Spec& spec) {
  std::set<std::string> targets;
  for (const auto& [name, device] : spec.linux.net_devices) {
    const std::string path = entry("linux.netDevices", name);
    const std::string& target = device.name.empty() ? name : device.name;
    if (!is_interface_name(name)) {
      return invalid(path, "not an interface name");
    }
    if (!is_interface_name(target)) {
      return invalid(path + ".name", "not an interface name: " + quote(target));
    }
    if (!targets.insert(target).second) {
      return invalid(path + ".name", "duplicate " + quote(target));
    }
  }
  if (!targets.empty() && !has_namespace(spec, "network")) {
    return invalid("linux.netDevices", "needs a network namespace");
  }
  return {};
}

Status cgroups_path(const Spec& spec) {
  const std::string& path = spec.linux.cgroups_path;
  if (has_dot_dot(path)) {
    return invalid("linux.cgroupsPath", "must not contain \"..\", got " + quote(path));
  }
  return has_control(path) ? Status(invalid("linux.cgroupsPath", "holds a control character")) : Status{};
}

Status sysctl(const Spec& spec) {
  for (const auto& [name, value] : spec.linux.sysctl) {
    if (!is_sysctl_name(name)) {
      return invalid(entry("linux.sysctl", name), "not a sysctl name");
    }
  }
  return {};
}

Status rootfs_propagation(const Spec& spec) {
  return known_name("linux.rootfsPropagation", "propagation", spec.linux.rootfs_propagation, kPropagations);
}

Status path_lists(const Spec& spec) {
  TRY(path_list("linux.maskedPaths", spec.linux.masked_paths));
  return path_list("linux.readonlyPaths", spec.linux.readonly_paths);
}

Status personality(const Spec& spec) {
  if (!spec.linux.personality) {
    return {};
  }
  TRY(known_name("linux.personality.domain", "domain", spec.linux.personality->domain, kDomains));
  return known_names("linux.personality.flags", "flag", spec.linux.personality->flags, {});
}

Status memory_policy(const Spec& spec) {
  if (!spec.linux.memory_policy) {
    return {};
  }
  const MemoryPolicy& policy = *spec.linux.memory_policy;
  TRY(known_name("linux.memoryPolicy.mode", "mode", policy.mode, kMemoryPolicyModes));
  TRY(known_names("linux.memoryPolicy.flags", "flag", policy.flags, kMemoryPolicyFlags));
  if (!is_number_list(policy.nodes)) {
    return invalid("linux.memoryPolicy.nodes", "not a node list: " + quote(policy.nodes));
  }
  const bool takes_none = policy.mode == "MPOL_DEFAULT" || policy.mode == "MPOL_LOCAL";
  if (takes_none && !policy.nodes.empty()) {
    return invalid("linux.memoryPolicy.nodes", "must be empty for " + policy.mode);
  }
  if (!takes_none && policy.mode != "MPOL_PREFERRED" && policy.nodes.empty()) {
    return invalid("linux.memoryPolicy.nodes", "must not be empty for " + policy.mode);
  }
  return {};
}

// closID becomes a directory name below /sys/fs/resctrl.
Status intel_rdt(const Spec& spec) {
  if (!spec.linux.intel_rdt) {
    return {};
  }
  const std::string& id = spec.linux.intel_rdt->clos_id;
  if (id == "." || id == ".." || id.find_first_of("/\n") != std::string::npos) {
    return invalid("linux.intelRdt.closID", "not a directory name: " + quote(id));
  }
  return {};
}

}  // namespace nucleus::oci::checks
