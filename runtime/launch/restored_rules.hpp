// What every thread of a restored container must be like, whatever its image says, and whether it is. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/spec.hpp"
#include "runtime/base/capability.hpp"
#include "runtime/base/result.hpp"
#include "runtime/launch/readback.hpp"

namespace nucleus::launch {

using NamespaceIds = std::map<std::string, std::string>;  // spec type -> identity, as KernelTruth has them

struct ThreadRules {
  CapabilityMask bounding = 0;  // of the config
  CapabilityMask held = 0;      // all that any set of the config has
  bool no_new_privileges = false;
  bool filtered = false;
  std::string filter;                          // the bytes that must be among its filters
  std::string uid;                             // four times as status has them; "": the workload may have changed it
  std::string gid;                             //
  std::map<std::string, std::string> id_maps;  // "uid_map", "gid_map" without superfluous blanks; empty: not judged
  std::vector<NamespaceIds> forbidden;  // the host's, and those that criu ran in: only types that the config separates
  NamespaceIds joined;                  // must be exactly these
  bool real_time = false;               // the config asks for a real-time policy
};

struct ThreadTruth {
  std::string name;  // "process 41, thread 42"
  std::map<std::string, std::string> status;
  std::map<std::string, std::string> id_maps;
  NamespaceIds namespaces;
  std::optional<std::vector<std::string>> filters;  // bytes; nothing where the kernel does not show them
  int policy = 0;                                   // SCHED_*
};

// From the config as it is executed. `own`: the runtime's namespaces; `joined`: those that the config names by path.
[[nodiscard]] ThreadRules thread_rules(const oci::Spec& spec, std::string filter, const NamespaceIds& own,
                                       NamespaceIds joined);

// ErrorCode::policy: the first rule that is broken.
[[nodiscard]] Status judge_thread(const ThreadRules& rules, const ThreadTruth& thread);

// Mounts that the config does not have: an image could bring the host's devices along (devtmpfs, debugfs, ...).
// `truth.paths` was looked up for the paths of planned_mounts().
[[nodiscard]] Status judge_mounts(const oci::Spec& spec, const KernelTruth& truth);
[[nodiscard]] std::vector<std::string> planned_mounts(const oci::Spec& spec);

}  // namespace nucleus::launch
