#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "runtime/base/io.hpp"
#include "runtime/sys/probe.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::sys {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

RootEntry::Kind kind_of(int dir, const dirent& entry) {
  unsigned char type = entry.d_type;
  if (type == DT_UNKNOWN) {
    struct stat status {};
    type = ::fstatat(dir, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0
               ? static_cast<unsigned char>(IFTODT(status.st_mode))
               : static_cast<unsigned char>(DT_UNKNOWN);
  }
  switch (type) {
    case DT_DIR:
      return RootEntry::Kind::directory;
    case DT_REG:
      return RootEntry::Kind::file;
    case DT_LNK:
      return RootEntry::Kind::symlink;
    default:
      return RootEntry::Kind::other;
  }
}

bool is_mount_root(int dir) {
  struct statx status {};
  return ::statx(dir, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

bool lies_below(int dir, const std::string& above) {
  const auto parent = open_at(AT_FDCWD, above, O_PATH | O_DIRECTORY);
  if (!parent) {
    return false;
  }
  const std::string prefix = path_for_messages(parent->get()) + '/';
  return prefix == "//" || (path_for_messages(dir) + '/').starts_with(prefix);
}

bool list(UniqueFd dir, std::vector<RootEntry>& entries) {
  const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(dir.get()));
  if (!stream) {
    return false;
  }
  const int fd = dir.release();
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") {
      entries.push_back({name, kind_of(fd, *entry)});
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const RootEntry& left, const RootEntry& right) { return left.name < right.name; });
  return true;
}

}  // namespace

RootfsFacts probe_rootfs(const std::string& rootfs, const std::string& bundle) {
  RootfsFacts facts;
  facts.path = rootfs;
  auto dir = open_at(AT_FDCWD, rootfs, O_RDONLY | O_DIRECTORY);
  if (!dir) {
    return facts;
  }
  facts.is_mount = is_mount_root(dir->get());
  facts.inside_bundle = !bundle.empty() && lies_below(dir->get(), bundle);
  facts.readable = list(std::move(*dir), facts.top_level);
  return facts;
}

}  // namespace nucleus::sys
