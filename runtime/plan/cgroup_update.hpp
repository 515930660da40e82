// The files that an `update` writes, and what puts one back.
#pragma once

#include <string>
#include <vector>

#include "oci/spec.hpp"
#include "runtime/base/host_facts.hpp"
#include "runtime/plan/plan.hpp"

namespace nucleus::plan {

struct ResourceChange {
  oci::Resources before;  // in force
  oci::Resources change;  // as asked for
  oci::Resources after;   // both merged, and hardened
};

// Settings of `after` in files that `change` names, or whose value differs from `before`'s (a v2 swap limit follows the
// memory limit). Devices, network classes and RDMA are not for `update`, as in runc: a container's device list is its
// confinement.
[[nodiscard]] std::vector<CgroupSetting> update_settings(const ResourceChange& change, CgroupLayout layout);

// What to write to take `setting` back, when its file said `content` before. Files with one line per device take one
// line at a time, and one for a device that had none means "no limit".
[[nodiscard]] CgroupSetting undo_setting(const CgroupSetting& setting, std::string_view content);

}  // namespace nucleus::plan
