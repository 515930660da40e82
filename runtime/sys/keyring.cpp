#include "runtime/sys/keyring.hpp"

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace nucleus::sys {

Status join_new_session_keyring(const std::string& name, KeyringSupport support) {
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.c_str()) >= 0) {
    return {};
  }
  const bool tolerable = errno == ENOSYS || errno == EPERM || errno == EDQUOT;
  if (support == KeyringSupport::optional && tolerable) {
    return {};
  }
  return fail_errno("join session keyring " + name);
}

}  // namespace nucleus::sys
