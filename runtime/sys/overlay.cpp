#include "runtime/sys/overlay.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/sys/mount.hpp"

namespace nucleus::sys {
namespace {

std::string path_of(int fd, std::string_view below = "") {
  return "/proc/self/fd/" + std::to_string(fd) + std::string(below);
}

Status make_layer(int dir, const char* name, const struct stat& like) {
  if (::mkdirat(dir, name, 0700) != 0) {
    return fail_errno("create overlay layer " + std::string(name));
  }
  // In a user namespace the lower root's owner may have no mapping; then the layer stays ours.
  if (::fchownat(dir, name, like.st_uid, like.st_gid, 0) != 0 && errno != EPERM && errno != EINVAL) {
    return fail_errno("chown overlay layer");
  }
  if (::fchmodat(dir, name, like.st_mode & 07777, 0) != 0) {
    return fail_errno("chmod overlay layer");
  }
  return {};
}

Result<UniqueFd> make_upper(int lower, const OverlayOptions& options) {
  NewFilesystem tmpfs;
  tmpfs.type = "tmpfs";
  tmpfs.parameters = {{"mode", "0700"}};
  if (!options.size.empty()) {
    tmpfs.parameters.emplace_back("size", options.size);
  }
  TRY_ASSIGN(UniqueFd upper, make_filesystem(tmpfs));
  struct stat like {};
  if (::fstat(lower, &like) != 0) {
    return fail_errno("stat lower directory");
  }
  TRY(make_layer(upper.get(), "upper", like));
  TRY(make_layer(upper.get(), "work", like));
  return upper;
}

}  // namespace

Result<UniqueFd> make_overlay(int lower, const OverlayOptions& options) {
  TRY_ASSIGN(const UniqueFd upper, make_upper(lower, options));
  NewFilesystem overlay;
  overlay.type = "overlay";
  overlay.attributes = options.attributes;
  overlay.parameters = {{"lowerdir", path_of(lower)},
                        {"upperdir", path_of(upper.get(), "/upper")},
                        {"workdir", path_of(upper.get(), "/work")}};
  if (options.in_user_namespace) {
    overlay.parameters.emplace_back("userxattr", "");
  }
  auto mounted = make_filesystem(overlay);
  if (mounted || mounted.error().sys_errno != EINVAL) {
    return mounted;
  }
  // Before Linux 6.15 layers must lie in our mount namespace: attach the tmpfs for as long as it takes.
  TRY(attach(upper.get(), lower));
  mounted = make_filesystem(overlay);
  TRY(detach(upper.get()));
  return mounted;
}

}  // namespace nucleus::sys
