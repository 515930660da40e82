#include <algorithm>
#include <array>

#include "hardening/path_text.hpp"
#include "runtime/plan/parts.hpp"

namespace nucleus::plan {
namespace {

constexpr std::uint32_t kOpenToAll = 0666;

struct DefaultDevice {
  std::string_view path;
  std::int64_t major;
  std::int64_t minor;
};

// config-linux.md "Default Devices"; /dev/console and /dev/ptmx are made with the terminal and the devpts instance.
constexpr std::array<DefaultDevice, 6> kDefaultDevices = {{{"/dev/null", 1, 3},
                                                           {"/dev/zero", 1, 5},
                                                           {"/dev/full", 1, 7},
                                                           {"/dev/random", 1, 8},
                                                           {"/dev/urandom", 1, 9},
                                                           {"/dev/tty", 5, 0}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kLinks = {{{"/dev/fd", "/proc/self/fd"},
                                                                                  {"/dev/stdin", "/proc/self/fd/0"},
                                                                                  {"/dev/stdout", "/proc/self/fd/1"},
                                                                                  {"/dev/stderr", "/proc/self/fd/2"},
                                                                                  {"/dev/ptmx", "pts/ptmx"}}};

// A bind mount on /dev brings its own nodes; making ours there would write to the host.
bool dev_is_bound(const oci::Spec& spec) {
  return std::any_of(spec.mounts.begin(), spec.mounts.end(), [](const oci::Mount& mount) {
    return hardening::normal_path(mount.destination) == "/dev" && is_bind(mount);
  });
}

}  // namespace

void plan_devices(PlanContext& context) {
  if (dev_is_bound(context.spec)) {
    return;
  }
  for (const DefaultDevice& node : kDefaultDevices) {
    const auto& asked = context.spec.linux.devices;
    if (std::any_of(asked.begin(), asked.end(), [&](const oci::Device& device) { return device.path == node.path; })) {
      continue;
    }
    context.add(MakeDeviceNode{{std::string(node.path), "c", node.major, node.minor, kOpenToAll, 0, 0, {}}});
  }
  for (oci::Device device : context.spec.linux.devices) {
    if (device.path == "/dev/ptmx") {
      continue;  // always a link into the container's own devpts
    }
    device.file_mode = device.file_mode.value_or(kOpenToAll);
    device.uid = device.uid.value_or(0);
    device.gid = device.gid.value_or(0);
    context.add(MakeDeviceNode{std::move(device)});
  }
  for (const auto& [path, target] : kLinks) {
    context.add(MakeSymlink{std::string(target), std::string(path)});
  }
}

}  // namespace nucleus::plan
