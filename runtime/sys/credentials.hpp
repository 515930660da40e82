// Identity and privileges of the calling thread. Every drop is read back: a call that succeeded without effect is an
// error. Order used by the launch: bounding set, ids, capability sets, no_new_privs. Secure bits are left alone.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/capability.hpp"
#include "runtime/base/result.hpp"

namespace nucleus::sys {

struct CapabilitySets {
  CapabilityMask permitted = 0;
  CapabilityMask effective = 0;
  CapabilityMask inheritable = 0;
  CapabilityMask ambient = 0;
  bool operator==(const CapabilitySets&) const = default;
};

[[nodiscard]] Result<CapabilityMask> bounding_set();
[[nodiscard]] Result<CapabilitySets> capability_sets();

// Removes everything that is not in `keep`, including capabilities newer than our table. Needs CAP_SETPCAP only when
// there is something to remove.
[[nodiscard]] Status drop_bounding_set(CapabilityMask keep);

// For one who is about to enter a user namespace, which may deny setgroups(2) inside for ever (user_namespaces(7)): root's
// groups would stay with whatever runs there. Without the right to it (EPERM) the groups are a user's own, and stay.
[[nodiscard]] Status drop_supplementary_groups();

struct Ids {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;
  bool set_groups = true;  // false where the user namespace denies setgroups(2)
};
// Supplementary groups, then all gids, then all uids, with PR_SET_KEEPCAPS so that set_capabilities() can follow for
// a non-root user; effective capabilities are raised again from the permitted ones. Also sets the fs ids.
[[nodiscard]] Status set_ids(const Ids& ids);

// Exactly these sets. A capability the thread does not have is EPERM. Ambient ones must be permitted and inheritable.
// Clears keepcaps.
[[nodiscard]] Status set_capabilities(const CapabilitySets& sets);

[[nodiscard]] Status set_no_new_privileges();
[[nodiscard]] bool has_no_new_privileges();

}  // namespace nucleus::sys
