#include "runtime/sys/credentials.hpp"

#include <grp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace nucleus::sys {
namespace {

constexpr unsigned kMaskBits = 64;

CapabilityMask join_halves(std::uint32_t low, std::uint32_t high) {
  return static_cast<CapabilityMask>(high) << 32 | low;
}

std::array<std::uint32_t, 2> halves(CapabilityMask mask) {
  return {static_cast<std::uint32_t>(mask), static_cast<std::uint32_t>(mask >> 32)};
}

Result<CapabilityMask> ambient_set() {
  CapabilityMask mask = 0;
  for (unsigned number = 0; number < kMaskBits; ++number) {
    const int set = ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, number, 0, 0);
    if (set < 0) {
      break;  // EINVAL: beyond the kernel's last capability
    }
    mask |= static_cast<CapabilityMask>(set) << number;
  }
  return mask;
}

Status set_thread_sets(CapabilityMask permitted, CapabilityMask effective, CapabilityMask inheritable) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  for (unsigned half = 0; half < 2; ++half) {
    data[half] = {halves(effective)[half], halves(permitted)[half], halves(inheritable)[half]};
  }
  if (::capset(&header, data.data()) != 0) {
    return fail_errno("capset");
  }
  return {};
}

Status set_keep_capabilities(bool on) {
  if (::prctl(PR_SET_KEEPCAPS, on ? 1 : 0, 0, 0, 0) != 0) {
    return fail_errno("prctl PR_SET_KEEPCAPS");
  }
  return {};
}

tl::unexpected<Error> not_in_effect(std::string_view what) {
  return fail(ErrorCode::kernel, std::string(what) + " reported success without effect");
}

Status verify_ids(const Ids& ids) {
  std::array<uid_t, 3> uid{};
  std::array<gid_t, 3> gid{};
  if (::getresuid(&uid[0], &uid[1], &uid[2]) != 0 || ::getresgid(&gid[0], &gid[1], &gid[2]) != 0) {
    return fail_errno("read ids");
  }
  const auto is_uid = [&](uid_t id) { return id == ids.uid; };
  const auto is_gid = [&](gid_t id) { return id == ids.gid; };
  if (!std::all_of(uid.begin(), uid.end(), is_uid) || !std::all_of(gid.begin(), gid.end(), is_gid)) {
    return not_in_effect("setting ids");
  }
  if (!ids.set_groups) {
    return {};
  }
  const int count = ::getgroups(0, nullptr);
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(count, 0)));
  if (count < 0 || ::getgroups(count, groups.data()) != count) {
    return fail_errno("read groups");
  }
  std::vector<gid_t> wanted(ids.groups.begin(), ids.groups.end());
  std::sort(groups.begin(), groups.end());
  std::sort(wanted.begin(), wanted.end());
  return groups == wanted ? Status{} : not_in_effect("setgroups");
}

}  // namespace

Result<CapabilityMask> bounding_set() {
  CapabilityMask mask = 0;
  for (unsigned number = 0; number < kMaskBits; ++number) {
    const int set = ::prctl(PR_CAPBSET_READ, number, 0, 0, 0);
    if (set < 0) {
      break;
    }
    mask |= static_cast<CapabilityMask>(set) << number;
  }
  return mask;
}

Result<CapabilitySets> capability_sets() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::capget(&header, data.data()) != 0) {
    return fail_errno("capget");
  }
  CapabilitySets sets;
  sets.permitted = join_halves(data[0].permitted, data[1].permitted);
  sets.effective = join_halves(data[0].effective, data[1].effective);
  sets.inheritable = join_halves(data[0].inheritable, data[1].inheritable);
  TRY_ASSIGN(sets.ambient, ambient_set());
  return sets;
}

Status drop_bounding_set(CapabilityMask keep) {
  TRY_ASSIGN(const CapabilityMask before, bounding_set());
  for (unsigned number = 0; number < kMaskBits; ++number) {
    const CapabilityMask bit = CapabilityMask{1} << number;
    if ((before & bit & ~keep) != 0 && ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) {
      return fail_errno("drop capability " + std::to_string(number) + " from the bounding set");
    }
  }
  TRY_ASSIGN(const CapabilityMask after, bounding_set());
  return after == (before & keep) ? Status{} : not_in_effect("dropping the bounding set");
}

Status drop_supplementary_groups() {
  if (::setgroups(0, nullptr) == 0) {
    return {};
  }
  // Who may not has nothing to give away, or is no root whose groups open anything.
  const int error = errno;
  const bool harmless = error == EPERM && (::geteuid() != 0 || ::getgroups(0, nullptr) == 0);
  return harmless ? Status{} : fail_errno("drop supplementary groups", error);
}

Status set_ids(const Ids& ids) {
  TRY(set_keep_capabilities(true));
  if (ids.set_groups && ::setgroups(ids.groups.size(), ids.groups.data()) != 0) {
    return fail_errno("setgroups");
  }
  if (::setresgid(ids.gid, ids.gid, ids.gid) != 0) {
    return fail_errno("setgid " + std::to_string(ids.gid));
  }
  if (::setresuid(ids.uid, ids.uid, ids.uid) != 0) {
    return fail_errno("setuid " + std::to_string(ids.uid));
  }
  TRY(verify_ids(ids));
  // Leaving uid 0 cleared the effective set; the steps that follow still need it.
  TRY_ASSIGN(const CapabilitySets sets, capability_sets());
  return set_thread_sets(sets.permitted, sets.permitted, sets.inheritable);
}

Status set_capabilities(const CapabilitySets& sets) {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return fail_errno("clear ambient capabilities");
  }
  TRY(set_thread_sets(sets.permitted, sets.effective, sets.inheritable));
  for (unsigned number = 0; number < kMaskBits; ++number) {
    if ((sets.ambient >> number & 1) != 0 && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) {
      return fail_errno("raise ambient capability " + std::to_string(number));
    }
  }
  TRY(set_keep_capabilities(false));
  TRY_ASSIGN(const CapabilitySets now, capability_sets());
  return now == sets ? Status{} : not_in_effect("setting capabilities");
}

Status set_no_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail_errno("prctl PR_SET_NO_NEW_PRIVS");
  }
  return has_no_new_privileges() ? Status{} : not_in_effect("no_new_privs");
}

bool has_no_new_privileges() { return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1; }

}  // namespace nucleus::sys
