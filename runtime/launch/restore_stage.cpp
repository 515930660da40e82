#include "runtime/launch/restore_stage.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "hardening/path_text.hpp"
#include "runtime/base/io.hpp"
#include "runtime/launch/ephemeral_root.hpp"
#include "runtime/sys/masking.hpp"
#include "runtime/sys/mount.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kCgroupNamespace = 0x02000000;  // CLONE_NEWCGROUP
constexpr const char* kRoot = "root";
constexpr const char* kNull = "null";
constexpr const char* kEmpty = "empty";

std::string bind_name(std::size_t index) { return "bind" + std::to_string(index); }

Result<sys::RootDir> mount_stage(const std::string& directory) {
  TRY(sys::set_root_propagation(MS_REC | MS_PRIVATE));
  sys::NewFilesystem memory;
  memory.type = "tmpfs";
  memory.source = "criu";
  memory.parameters = {{"mode", "0700"}};
  TRY_ASSIGN(UniqueFd stage, sys::make_filesystem(memory));
  TRY_ASSIGN(const UniqueFd target, open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  TRY(sys::attach(stage.get(), target.get()));
  return sys::RootDir::adopt(std::move(stage));
}

Result<bool> is_directory(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? Result<bool>(S_ISDIR(info.st_mode)) : fail_errno("stat a bind mount");
}

Status place_root(InitContext& context, const sys::RootDir& stage) {
  TRY_ASSIGN(const UniqueFd target, stage.make_directories(kRoot));
  TRY(sys::attach(context.root.get(), target.get()));
  UniqueFd root = std::move(context.root);
  if (context.plan.root.kind == plan::RootKind::overlay) {
    TRY_ASSIGN(root, cover_with_ephemeral(root.get(), target.get(), context.plan.namespaces.creates("user"),
                                          context.plan.root.attestation.get()));
  }
  if (context.plan.root.nosuid) {
    sys::MountChange change;
    change.set = MOUNT_ATTR_NOSUID;
    TRY_WITH(sys::change_mount(root.get(), change, false), "rootfs");
  }
  TRY_ASSIGN(context.root_dir, sys::RootDir::adopt(std::move(root)));
  return {};
}

Status place_binds(InitContext& context, const sys::RootDir& stage) {
  for (std::size_t i = 0; i < context.detached.size(); ++i) {
    const int mount = context.detached[i].get();
    TRY_ASSIGN(const bool directory, is_directory(mount));
    TRY_ASSIGN(const UniqueFd target,
               directory ? stage.make_directories(bind_name(i)) : stage.create_file(bind_name(i), 0600));
    TRY_WITH(sys::attach(mount, target.get()), context.plan.detached[i].destination);
  }
  return {};
}

// What covers masked paths.
Status place_masks(const sys::RootDir& stage) {
  TRY_ASSIGN(const UniqueFd null, sys::open_null_device());
  TRY_ASSIGN(const UniqueFd mask, sys::clone_tree(null.get(), false));
  TRY_ASSIGN(const UniqueFd file, stage.create_file(kNull, 0600));
  TRY(sys::attach(mask.get(), file.get()));
  TRY_ASSIGN(const UniqueFd empty, sys::make_empty_directory());
  TRY_ASSIGN(const UniqueFd directory, stage.make_directories(kEmpty));
  return sys::attach(empty.get(), directory.get());
}

bool is_covered(const std::vector<std::string>& places, const std::string& path) {
  return std::any_of(places.begin(), places.end(), [&](const std::string& place) {
    return path.size() > place.size() && path.starts_with(place) && path[place.size()] == '/';
  });
}

// A root on another host, or an ephemeral one, has no mount points yet. Those inside other mounts are in their content.
Status make_mount_points(InitContext& context) {
  std::vector<std::string> places;
  for (const auto& op : context.plan.init) {
    const auto* own = std::get_if<plan::MountFilesystem>(&op.action);
    const auto* bind = std::get_if<plan::AttachMount>(&op.action);
    if (own == nullptr && bind == nullptr) {
      continue;
    }
    const std::string path = hardening::normal_path(own != nullptr ? own->target : bind->target);
    if (!is_covered(places, path)) {
      TRY_ASSIGN(const bool directory,
                 own != nullptr ? Result<bool>(true) : is_directory(context.detached[bind->index].get()));
      TRY(directory ? context.root_dir->make_directories(path) : context.root_dir->create_file(path));
    }
    places.push_back(path);
  }
  return {};
}

Status enter_cgroup(const InitContext& context) {
  if (!context.cgroup->is_v2()) {
    TRY(context.cgroup->join_self());
  }
  return separates_cgroup(context.plan) ? sys::unshare_namespaces(kCgroupNamespace) : Status{};
}

}  // namespace

bool separates_cgroup(const plan::LaunchPlan& plan) {
  return plan.namespaces.creates("cgroup") || std::any_of(plan.init.begin(), plan.init.end(), [](const auto& op) {
           return std::holds_alternative<plan::UnshareCgroup>(op.action);
         });
}

std::string stage_root(const std::string& directory) { return directory + "/" + kRoot; }

std::vector<plan::ExternalMount> stage_mounts(const plan::LaunchPlan& plan, const std::string& directory) {
  std::vector<plan::ExternalMount> out = {{plan::kMaskedFile, directory + "/" + kNull},
                                          {plan::kMaskedDirectory, directory + "/" + kEmpty}};
  for (const auto& op : plan.init) {
    if (const auto* bind = std::get_if<plan::AttachMount>(&op.action)) {
      out.push_back({hardening::normal_path(bind->target), directory + "/" + bind_name(bind->index)});
    } else if (const auto* node = std::get_if<plan::MakeDeviceNode>(&op.action);
               node != nullptr && node->device.path != plan::kMaskedFile) {
      out.push_back({hardening::normal_path(node->device.path), node->device.path});
    }
  }
  return out;
}

Status set_stage(InitContext& context, const std::string& directory, int facts) {
  TRY_ASSIGN(const auto stage, mount_stage(directory));
  TRY(place_root(context, stage));
  TRY(place_binds(context, stage));
  TRY(place_masks(stage));
  TRY(make_mount_points(context));
  TRY(enter_cgroup(context));
  StageFacts told;
  TRY_ASSIGN(told.root, identity_of(context.root_dir->fd()));
  TRY_ASSIGN(told.mounts, sys::own_namespace_id(*sys::find_namespace_kind("mount")));
  TRY_ASSIGN(told.cgroup, sys::own_namespace_id(*sys::find_namespace_kind("cgroup")));
  return write_all(facts, {reinterpret_cast<const char*>(&told), sizeof told}, "facts of the stage");
}

}  // namespace nucleus::launch
