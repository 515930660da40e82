#include "runtime/sys/landlock.hpp"

#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/landlock_rights.hpp"

namespace nucleus::sys {
namespace {

// Kernel ABI types, complete up to Linux 6.15. An older kernel takes the longer struct as long as what it does not know
// is zero.
struct RulesetAttr {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;  // ABI 4
  std::uint64_t scoped;              // ABI 6
};
struct NetPortAttr {  // ABI 4
  std::uint64_t allowed_access;
  std::uint64_t port;
};
constexpr int kRuleNetPort = 2;  // LANDLOCK_RULE_NET_PORT

}  // namespace

int landlock_abi() {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

Result<Landlock> Landlock::create(std::uint64_t handled_fs, std::uint64_t handled_net, std::uint64_t scoped) {
  const RulesetAttr attributes{handled_fs, handled_net, scoped};
  UniqueFd fd(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0)));
  if (!fd) {
    return fail_errno("landlock_create_ruleset");
  }
  return Landlock(std::move(fd), handled_fs, handled_net);
}

Status Landlock::allow_path(int fd, std::uint64_t access) const {
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    return fail_errno("stat Landlock path");
  }
  access &= handled_fs_ & (S_ISDIR(status.st_mode) ? ~std::uint64_t{0} : landlock::kFileRights);
  if (access == 0) {
    return {};
  }
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = fd;
  if (::syscall(SYS_landlock_add_rule, fd_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return fail_errno("landlock_add_rule for a path");
  }
  return {};
}

Status Landlock::allow_port(std::uint16_t port, std::uint64_t access) const {
  const NetPortAttr rule{access & handled_net_, port};
  if (rule.allowed_access == 0) {
    return {};
  }
  if (::syscall(SYS_landlock_add_rule, fd_.get(), kRuleNetPort, &rule, 0) != 0) {
    return fail_errno("landlock_add_rule for port " + std::to_string(port));
  }
  return {};
}

Status Landlock::restrict_self() const {
  if (::syscall(SYS_landlock_restrict_self, fd_.get(), 0) != 0) {
    return fail_errno("landlock_restrict_self");
  }
  return {};
}

}  // namespace nucleus::sys
