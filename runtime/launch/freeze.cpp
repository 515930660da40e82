#include "runtime/launch/freeze.hpp"

#include <algorithm>

#include "runtime/sys/cgroup.hpp"

namespace nucleus::launch {
namespace {

// "freezer" is a hierarchy of its own on v1; v2 ("") can always freeze.
bool has_freezer(const sys::CgroupDirectory& directory) {
  return directory.controllers.empty() || directory.controllers == "freezer" ||
         directory.controllers.starts_with("freezer,") || directory.controllers.find(",freezer") != std::string::npos;
}

sys::CgroupHandle freezer_of(const state::Record& record) {
  auto directories = cgroup_directories(record);
  std::erase_if(directories, [](const sys::CgroupDirectory& directory) { return !has_freezer(directory); });
  return sys::CgroupHandle::open(directories);
}

Result<sys::CgroupHandle> usable_freezer(const state::Record& record) {
  auto freezer = freezer_of(record);
  if (freezer.empty()) {
    return fail(ErrorCode::state, "cannot toggle freezer: cgroups not configured for container");
  }
  return freezer;
}

}  // namespace

Status pause_container(const Container& container) {
  if (container.status != ContainerStatus::running && container.status != ContainerStatus::created) {
    return fail(ErrorCode::state, "container not running");
  }
  TRY_ASSIGN(const auto freezer, usable_freezer(container.record));
  return freezer.freeze();
}

Status resume_container(const Container& container) {
  if (container.status != ContainerStatus::paused) {
    return fail(ErrorCode::state, "container not paused");
  }
  TRY_ASSIGN(const auto freezer, usable_freezer(container.record));
  return freezer.thaw();
}

std::string freezer_directory(const state::Record& record) {
  const auto directories = cgroup_directories(record);
  const auto hit = std::ranges::find_if(directories, has_freezer);
  return hit == directories.end() ? std::string() : hit->path;
}

bool is_frozen(const state::Record& record) {
  const auto frozen = freezer_of(record).frozen();
  return frozen && *frozen;
}

}  // namespace nucleus::launch
