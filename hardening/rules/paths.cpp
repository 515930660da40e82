// Masked and read-only paths: the union of the config's and ours.
#include <algorithm>
#include <array>
#include <utility>

#include "hardening/json_text.hpp"
#include "hardening/mount_kind.hpp"
#include "hardening/path_text.hpp"
#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {
namespace {

constexpr std::string_view kRule = "paths";

// What every engine masks, and what leaks the host's load, keys, memory layout or power use as well (moby #49560,
// podman #25634, CVE-2020-8694 for powercap). A path that does not exist is skipped at set-up.
constexpr std::array<std::string_view, 17> kMasked = {
    "/proc/acpi",       "/proc/asound",     "/proc/config.gz",     "/proc/interrupts",
    "/proc/kallsyms",   "/proc/kcore",      "/proc/keys",          "/proc/kpagecgroup",
    "/proc/kpagecount", "/proc/kpageflags", "/proc/latency_stats", "/proc/sched_debug",
    "/proc/scsi",       "/proc/timer_list", "/proc/timer_stats",   "/sys/devices/virtual/powercap",
    "/sys/firmware"};

// File systems of their own that only a bind of the host's /sys brings along.
constexpr std::array<std::string_view, 5> kMaskedWithHostSys = {"/sys/fs/bpf", "/sys/fs/pstore", "/sys/kernel/debug",
                                                                "/sys/kernel/security", "/sys/kernel/tracing"};

constexpr std::array<std::string_view, 5> kReadOnly = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                       "/proc/sysrq-trigger"};

bool binds_host_sys(const oci::Spec& spec) {
  return std::ranges::any_of(spec.mounts, [](const oci::Mount& mount) {
    return mount_kind(mount) == MountKind::bind && at_or_below(normal_path(mount.source), "/sys");
  });
}

std::vector<std::string> our_masks(const RuleContext& context) {
  std::vector<std::string> paths(kMasked.begin(), kMasked.end());
  if (binds_host_sys(context.spec)) {
    paths.insert(paths.end(), kMaskedWithHostSys.begin(), kMaskedWithHostSys.end());
  }
  paths.insert(paths.end(), context.facts.thermal_paths.begin(), context.facts.thermal_paths.end());
  return paths;
}

void unite(RuleContext& context, std::vector<std::string>& paths, const std::vector<std::string>& ours,
           const std::string& pointer, std::string_view reason) {
  std::vector<std::string> all;
  const auto add = [&all](const std::string& path) {
    if (std::ranges::find(all, path) == all.end()) {
      all.push_back(path);
    }
  };
  std::ranges::for_each(paths, add);
  for (const auto& path : ours) {
    if (std::ranges::find(all, path) == all.end() &&
        !context.lifted(kRule, GrantKind::unmasked, path, pointer, "", "the container reaches " + path)) {
      add(path);
    }
  }
  if (all != paths) {
    context.tightened(kRule, pointer, paths.empty() ? "" : json_text(paths), json_text(all), std::string(reason));
    paths = std::move(all);
  }
}

}  // namespace

Status harden_paths(RuleContext& context) {
  oci::Linux& config = context.spec.linux;
  unite(context, config.masked_paths, our_masks(context), "/linux/maskedPaths",
        "what the kernel tells of load, memory, keys and power stays hidden");
  unite(context, config.readonly_paths, {kReadOnly.begin(), kReadOnly.end()}, "/linux/readonlyPaths",
        "the kernel's settings cannot be written");
  return {};
}

}  // namespace nucleus::hardening
