#include "oci/features.hpp"

#include <charconv>

#include "oci/documents.hpp"
#include "oci/json.hpp"
#include "oci/memory_policy_names.hpp"
#include "oci/mount_options.hpp"
#include "oci/namespace_names.hpp"
#include "oci/seccomp_names.hpp"
#include "runtime/base/capability.hpp"

namespace nucleus::oci {
namespace {

using Ordered = nlohmann::ordered_json;

Ordered mount_option_names() {
  Ordered names = Ordered::array();
  for (const MountOption& option : mount_options()) {
    names.push_back(option.name);
  }
  return names;
}

// "6.18.5-amd64" is at least 5.19; an empty release (unknown) is not.
bool kernel_at_least(std::string_view release, unsigned major, unsigned minor) {
  unsigned have_major = 0;
  unsigned have_minor = 0;
  const char* const end = release.data() + release.size();
  const auto first = std::from_chars(release.data(), end, have_major);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') {
    return false;
  }
  std::from_chars(first.ptr + 1, end, have_minor);
  return have_major > major || (have_major == major && have_minor >= minor);
}

// seccomp(2): when each flag arrived. The filter is loaded by system call, so libseccomp's age does not matter.
Ordered supported_flags(const HostFacts& facts) {
  Ordered flags = Ordered::array();
  for (const std::string_view flag : kSeccompFlags) {
    const bool killable = flag == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
    if (facts.seccomp && (!killable || kernel_at_least(facts.kernel_release, 5, 19))) {
      flags.push_back(flag);
    }
  }
  return flags;
}

Ordered seccomp(const HostFacts& facts) {
  return {{"enabled", kImplemented.seccomp}, {"actions", kSeccompActions},  {"operators", kSeccompOperators},
          {"archs", kSeccompArchitectures},  {"knownFlags", kSeccompFlags}, {"supportedFlags", supported_flags(facts)}};
}

Ordered cgroup() {
  return {{"v1", kImplemented.cgroup_v1},
          {"v2", kImplemented.cgroup_v2},
          {"systemd", kImplemented.cgroup_systemd},
          {"systemdUser", kImplemented.cgroup_systemd_user},
          {"rdma", kImplemented.cgroup_rdma}};
}

Ordered enabled(bool value) { return {{"enabled", value}}; }

Ordered intel_rdt() {
  return {{"enabled", kImplemented.intel_rdt},
          {"schemata", kImplemented.intel_rdt},
          {"monitoring", kImplemented.intel_rdt}};
}

Ordered linux_features(const HostFacts& facts) {
  Ordered out;
  out["namespaces"] = kNamespaceTypes;
  out["capabilities"] = kCapabilityNames;
  out["cgroup"] = cgroup();
  out["seccomp"] = seccomp(facts);
  out["apparmor"] = enabled(kImplemented.apparmor);
  out["selinux"] = enabled(kImplemented.selinux);
  out["intelRdt"] = intel_rdt();
  if (kImplemented.memory_policy) {
    out["memoryPolicy"] = {{"modes", kMemoryPolicyModes}, {"flags", kMemoryPolicyFlags}};
  }
  out["mountExtensions"] = {{"idmap", enabled(kImplemented.idmapped_mounts)}};
  out["netDevices"] = enabled(kImplemented.net_devices);
  return out;
}

}  // namespace

std::string features_json(const HostFacts& facts, int indent) {
  Ordered out;
  out["ociVersionMin"] = "1.0.0";
  out["ociVersionMax"] = kSpecVersion;
  out["hooks"] = {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"};
  out["mountOptions"] = mount_option_names();
  out["linux"] = linux_features(facts);
  out["annotations"] = {{"io.nucleus.version", NUCLEUS_VERSION}};
  out["potentiallyUnsafeConfigAnnotations"] = kUnsafeAnnotations;
  return dump(out, indent);
}

}  // namespace nucleus::oci
