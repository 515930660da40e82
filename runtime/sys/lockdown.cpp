#include "runtime/sys/lockdown.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>

#include "runtime/base/io.hpp"

namespace nucleus::sys {

std::string lockdown_level(std::string_view text) {
  const auto open = text.find('[');
  const auto close = text.find(']');
  const bool framed = open != std::string_view::npos && close != std::string_view::npos && open < close;
  return framed ? std::string(text.substr(open + 1, close - open - 1)) : std::string();
}

// Only the kernel's own file counts, not one that somebody put where securityfs is not mounted.
std::string kernel_lockdown() {
  constexpr std::size_t kLimit = 256;
  const auto fd = open_at(AT_FDCWD, "/sys/kernel/security/lockdown", O_RDONLY | O_NONBLOCK);
  struct statfs info {};
  if (!fd || ::fstatfs(fd->get(), &info) != 0 || info.f_type != SECURITYFS_MAGIC) {
    return "unknown";
  }
  const auto text = read_all(fd->get(), kLimit, "lockdown");
  const std::string level = text ? lockdown_level(*text) : "";
  return level.empty() ? "unknown" : level;
}

bool locks_down(std::string_view level, std::string_view wanted) {
  return wanted == "none" || level == "confidentiality" || (level == "integrity" && wanted == "integrity");
}

}  // namespace nucleus::sys
