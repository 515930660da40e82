// Mount flags: no set-user-ID programs, no device nodes, nothing both writable and executable, and no sensitive host
// path or unusual file system without a grant.
#include <array>
#include <optional>
#include <utility>

#include "hardening/json_text.hpp"
#include "hardening/mount_kind.hpp"
#include "hardening/namespace_text.hpp"
#include "hardening/path_text.hpp"
#include "hardening/rules/bind_sources.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "mounts";

// A request of the mount as a whole. false: it must go.
Result<bool> may_stay(RuleContext& context, const oci::Mount& mount) {
  Request asked{kRule, GrantKind::bind, "", Control::beyond_policy, "/mounts", json_text(mount), ""};
  if (mount_kind(mount) == MountKind::other) {
    asked.kind = GrantKind::mount_type;
    asked.value = mount.type;
    asked.reason =
        "no engine mounts a file system of type \"" + mount.type + "\" by default (at " + mount.destination + ")";
    return context.request(std::move(asked));
  }
  if (mount_kind(mount) != MountKind::bind) {
    return true;
  }
  const std::string why = sensitive_bind(context, mount);
  if (why.empty()) {
    return true;
  }
  asked.value = normal_path(mount.source);
  asked.reason = why + " (at " + mount.destination + ")";
  return context.request(std::move(asked));
}

// The flags that must hold, most fundamental first.
struct FlagNeed {
  bool read_only = false;
  bool no_devices = true;
  bool no_exec = false;
};

bool is_device_bind(const oci::Mount& mount) {
  return mount_kind(mount) == MountKind::bind && at_or_below(normal_path(mount.source), "/dev") &&
         normal_path(mount.source) != "/dev/shm" && normal_path(mount.source) != "/dev/mqueue";
}

FlagNeed kernel_window(RuleContext& context, const oci::Mount& mount, const std::string& path) {
  const std::string destination = normal_path(mount.destination);
  const bool writable =
      !is_read_only(mount) && context.lifted(kRule, GrantKind::writable, destination, path, json_text(mount.options),
                                             "the container can change settings of the kernel below " + destination);
  return {!writable, true, true};
}

FlagNeed writable_data(RuleContext& context, const oci::Mount& mount, const std::string& path) {
  const bool device = is_device_bind(mount);
  if (is_read_only(mount)) {
    return {false, !device, false};
  }
  const std::string destination = normal_path(mount.destination);
  const bool exec = !has_flag(mount.options, "noexec") &&
                    context.lifted(kRule, GrantKind::exec, destination, path, json_text(mount.options),
                                   destination + " is writable and executable");
  return {false, !device, !exec};
}

FlagNeed flags_for(RuleContext& context, const oci::Mount& mount, const std::string& path) {
  switch (mount_kind(mount)) {
    case MountKind::kernel:
      return kernel_window(context, mount, path);
    case MountKind::proc:
    case MountKind::mqueue:
      return {false, true, true};
    case MountKind::devpts:
    case MountKind::device_tmpfs:
      return {false, false, true};
    case MountKind::bind:
      if (stands_for_kernel_mount(context, mount)) {
        return normal_path(mount.source) == "/sys" ? kernel_window(context, mount, path) : FlagNeed{false, true, true};
      }
      [[fallthrough]];
    case MountKind::tmpfs:
    case MountKind::other:
      break;
  }
  return writable_data(context, mount, path);
}

void keep_private(RuleContext& context, std::vector<std::string>& options, const std::string& path) {
  for (auto& option : options) {
    if ((option == "shared" || option == "rshared") &&
        !context.lifted(kRule, GrantKind::shared_mounts, "", path, json_text(options),
                        "mounts made in the container appear on the host")) {
      option = option == "shared" ? "slave" : "rslave";
    }
  }
}

std::string describe(const FlagNeed& need) {
  std::string text = "nosuid";
  text += need.no_devices ? ", nodev" : "";
  text += need.no_exec ? ", noexec" : "";
  text += need.read_only ? ", ro" : "";
  return text;
}

void tighten_options(RuleContext& context, oci::Mount& mount, const std::string& path) {
  const FlagNeed need = flags_for(context, mount, path);
  const bool recursive = is_recursive_bind(mount);
  std::vector<std::string> options = mount.options;
  force_flag(options, "nosuid", recursive);
  if (need.no_devices) {
    force_flag(options, "nodev", recursive);
  }
  if (need.no_exec) {
    force_flag(options, "noexec", recursive);
  }
  if (need.read_only || is_read_only(mount)) {
    force_flag(options, "ro", recursive);
  }
  keep_private(context, options, path);
  if (options != mount.options) {
    context.tightened(
        kRule, path, json_text(mount.options), json_text(options),
        mount.destination + " is mounted with " + describe(need) + (recursive ? ", its submounts too" : ""));
    mount.options = std::move(options);
  }
}

// Engines without root bind the host's /sys, because it is all they can count on.
bool stands_for_own_sysfs(const RuleContext& context, const oci::Mount& mount) {
  const bool rootless = context.facts.euid != 0 || context.facts.in_user_namespace;
  return rootless && mount_kind(mount) == MountKind::bind && normal_path(mount.source) == "/sys" &&
         normal_path(mount.destination) == "/sys" && !shares_host(context.spec, context.facts, "network");
}

void use_own_sysfs(RuleContext& context, oci::Mount& mount, const std::string& path) {
  const std::string before = json_text(mount);
  mount.type = mount.source = "sysfs";
  mount.options = {"nosuid", "noexec", "nodev", "ro"};
  context.tightened(kRule, path, before, json_text(mount),
                    "with a network of its own the container has a /sys of its own instead of the host's");
}

}  // namespace

Status harden_mounts(RuleContext& context) {
  std::vector<oci::Mount> kept;
  std::vector<oci::Mount>& asked = context.spec.mounts;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (stands_for_own_sysfs(context, asked[i])) {
      use_own_sysfs(context, asked[i], "/mounts/" + std::to_string(i));
    }
    TRY_ASSIGN(const bool stays, may_stay(context, asked[i]));
    if (stays) {
      kept.push_back(asked[i]);
      tighten_options(context, kept.back(), "/mounts/" + std::to_string(i) + "/options");
    }
  }
  context.spec.mounts = std::move(kept);
  return {};
}

}  // namespace nucleus::hardening
