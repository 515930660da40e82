// A private procfs, out of reach of whatever the container's or the host's /proc has mounted over it, and writes that
// check what they write to (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace nucleus::sys {

class ProcHandle {
 public:
  // A new procfs instance of the caller's pid namespace (fsopen, fsmount), where that is not permitted a bare clone of
  // the mount on /proc, where that is not permitted either /proc itself. Magic number and root inode are checked.
  [[nodiscard]] static Result<ProcHandle> open();
  // Checks that `fd` is the root directory of a procfs.
  [[nodiscard]] static Result<ProcHandle> adopt(UniqueFd fd);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  // `path` is relative ("self/status", "sys/net/..."), stays on this mount and crosses no magic link; the opened file
  // is verified to lie on a procfs.
  [[nodiscard]] Result<UniqueFd> open(const std::string& path, int flags) const;
  [[nodiscard]] Result<std::string> read(const std::string& path, std::size_t limit = 1 << 20) const;
  // One write(2): procfs files take their value whole.
  [[nodiscard]] Status write(const std::string& path, std::string_view bytes) const;

 private:
  explicit ProcHandle(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// "net.ipv4.ip_forward" -> "sys/net/ipv4/ip_forward". As in sysctl(8) the first separator decides: after a dot, '/'
// stands for a dot in a component ("net.ipv4.conf.eth0/1.mtu"); after a slash the name is a path already.
[[nodiscard]] Result<std::string> sysctl_path(std::string_view name);
[[nodiscard]] Status write_sysctl(const ProcHandle& proc, std::string_view name, std::string_view value);

}  // namespace nucleus::sys
