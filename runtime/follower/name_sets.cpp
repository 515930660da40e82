#include "runtime/follower/name_sets.hpp"

#include <cerrno>

#include "runtime/sys/nftables.hpp"

namespace nucleus::follower {

Status NameSets::apply(bool v6, const Change& change) const {
  if (!change.touches_kernel()) {
    return {};
  }
  const std::string& set = v6 ? set6_ : set4_;
  const auto send = [&](const std::vector<nft::Element>& add, const std::vector<nft::Element>& remove) {
    return sys::send_batch(netlink_, sys::encode_elements(table_, set, add, remove));
  };
  Status sent = send(change.add, change.remove);
  if (sent || change.remove.empty()) {
    return sent;
  }
  for (const nft::Element& one : change.remove) {
    Status removed = send({}, {one});
    if (!removed && removed.error().sys_errno != ENOENT) {
      return removed;
    }
  }
  return change.add.empty() ? Status() : send(change.add, {});
}

}  // namespace nucleus::follower
