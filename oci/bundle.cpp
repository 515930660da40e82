#include "oci/bundle.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <climits>

#include "oci/document.hpp"
#include "oci/validate.hpp"
#include "runtime/base/io.hpp"

namespace nucleus::oci {
namespace {

constexpr const char* kConfigName = "config.json";

// The kernel's own name for what `dir` refers to: no second lookup that could end elsewhere.
Result<std::string> resolved_path(const UniqueFd& dir) {
  std::array<char, PATH_MAX> buffer{};
  const std::string link = "/proc/self/fd/" + std::to_string(dir.get());
  const ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
  if (size < 0) {
    return fail_errno("read the bundle's path");
  }
  if (static_cast<std::size_t>(size) == buffer.size()) {
    return fail_errno("read the bundle's path", ENAMETOOLONG);
  }
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

Result<UniqueFd> open_config(const UniqueFd& dir) {
  auto fd = open_at(dir.get(), kConfigName, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd && fd.error().sys_errno == ENOENT) {
    return fail(ErrorCode::invalid_config, "JSON specification file config.json not found");
  }
  return fd;
}

// The size is looked at before a byte is read.
Result<std::string> read_config(const UniqueFd& dir) {
  TRY_ASSIGN(const UniqueFd fd, open_config(dir));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) {
    return fail_errno(kConfigName);
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::invalid_config, std::string(kConfigName) + ": not a regular file");
  }
  constexpr std::size_t kLimit = JsonLimits{}.bytes;
  if (static_cast<std::size_t>(info.st_size) > kLimit) {
    return fail(ErrorCode::invalid_config,
                std::string(kConfigName) + ": larger than " + std::to_string(kLimit) + " bytes");
  }
  return read_all(fd.get(), kLimit, kConfigName);
}

}  // namespace

Result<Bundle> load_bundle(const std::string& path) {
  Bundle bundle;
  auto dir = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (!dir) {
    return tl::unexpected<Error>(std::move(dir).error().with("bundle"));
  }
  bundle.dir = std::move(*dir);
  TRY_ASSIGN(bundle.path, resolved_path(bundle.dir));
  TRY_ASSIGN(bundle.config, read_config(bundle.dir));
  TRY_ASSIGN(bundle.spec, parse_spec(bundle.config, kConfigName));
  TRY_WITH(validate(bundle.spec), kConfigName);
  return bundle;
}

std::string rootfs_path(const Bundle& bundle) {
  const std::string& root = bundle.spec.root.path;
  return root.starts_with('/') ? root : bundle.path + '/' + root;
}

}  // namespace nucleus::oci
