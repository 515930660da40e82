// The kernel's name sets.
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/follower/bindings.hpp"

namespace nucleus::follower {

class NameSets {
 public:
  // Borrows `netlink`, of sys::open_nftables().
  NameSets(int netlink, std::string table, std::string set4, std::string set6)
      : netlink_(netlink), table_(std::move(table)), set4_(std::move(set4)), set6_(std::move(set6)) {}

  // In one transaction. Where that fails because elements are not there any more (the process was not run for a while and
  // the kernel's timeouts were faster), they are removed one by one and the rest is tried again: closed for a moment,
  // never open too long.
  [[nodiscard]] Status apply(bool v6, const Change& change) const;

 private:
  int netlink_;
  std::string table_, set4_, set6_;
};

}  // namespace nucleus::follower
