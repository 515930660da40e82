// Fills HostFacts: the only questions the pure core gets answered about this machine.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/host_facts.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::sys {

struct ProbeRequest {
  std::string rootfs;                                           // absolute host path; "": no rootfs facts
  std::string bundle;                                           // absolute host path of the bundle directory
  std::vector<std::pair<std::string, std::string>> namespaces;  // spec type, path; entries without path are skipped
  std::vector<std::pair<std::string, std::string>> binds;       // mounts[].source as written, the same made absolute
  bool nameservers = false;                                     // look into the host's /etc/resolv.conf
};

// Facts that cannot be found out take the careful value (absent, unreadable); only a broken /proc is an error.
[[nodiscard]] Result<HostFacts> probe_host(const ProbeRequest& request);

// The rootfs part alone.
[[nodiscard]] RootfsFacts probe_rootfs(const std::string& rootfs, const std::string& bundle);

}  // namespace nucleus::sys
