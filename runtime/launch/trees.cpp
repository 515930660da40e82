#include "runtime/launch/trees.hpp"

#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "runtime/base/io.hpp"
#include "runtime/base/log.hpp"
#include "runtime/launch/attest.hpp"
#include "runtime/sys/mount.hpp"
#include "runtime/sys/root_dir.hpp"

namespace nucleus::launch {
namespace {

constexpr std::uint64_t kIdmap = 0x00100000;  // MOUNT_ATTR_IDMAP

// Whatever peer group the source is in on the host, the clone only receives.
Status make_slave(int mount) {
  sys::MountChange change;
  change.propagation = MS_SLAVE;
  return sys::change_mount(mount, change, true);
}

Status change(int mount, const plan::MountAttributes& attributes, bool recursive) {
  if (attributes.set == 0 && attributes.clear == 0) {
    return {};
  }
  sys::MountChange change;
  change.set = attributes.set;
  change.clear = attributes.clear;
  return sys::change_mount(mount, change, recursive);
}

Status map_mount(int mount, const std::vector<oci::IdMapping>& uids, const std::vector<oci::IdMapping>& gids,
                 bool recursive) {
  TRY_ASSIGN(const auto proc, sys::ProcHandle::open());
  TRY_ASSIGN(const UniqueFd owner, sys::make_user_namespace(proc, {id_ranges(uids), id_ranges(gids)}));
  sys::MountChange change;
  change.set = kIdmap;
  change.user_namespace = owner.get();
  return sys::change_mount(mount, change, recursive);
}

bool maps(const std::vector<oci::IdMapping>& mappings, std::uint32_t host_id) {
  return std::any_of(mappings.begin(), mappings.end(), [&](const oci::IdMapping& mapping) {
    return host_id >= mapping.host_id && host_id - mapping.host_id < mapping.size;
  });
}

// An image that was not unpacked for this user namespace belongs to ids outside of it: its root could not even make a
// mount point. Under an ephemeral root, where nothing is written back, the image's ids are the container's.
Status map_root(int mount, const plan::NamespacePlan& namespaces) {
  struct stat info {};
  if (::fstat(mount, &info) != 0) {
    return fail_errno("stat rootfs");
  }
  if (maps(namespaces.uid_map, info.st_uid)) {
    return {};
  }
  Status mapped = map_mount(mount, namespaces.uid_map, namespaces.gid_map, false);
  if (!mapped) {
    log_warning("rootfs: its files stay nobody's in the user namespace: " + mapped.error().text);
  }
  return {};
}

// Where the source led when it was judged: a symlink that appeared since then is not followed.
Result<UniqueFd> clone_source(const plan::DetachedMount& plan) {
  if (plan.resolved.empty()) {
    return sys::clone_tree_at(plan.source, plan.recursive);
  }
  TRY_ASSIGN(const UniqueFd source, sys::open_resolved(AT_FDCWD, plan.resolved, O_PATH, 0, RESOLVE_NO_SYMLINKS));
  return sys::clone_tree(source.get(), plan.recursive);
}

Result<UniqueFd> prepare_mount(const plan::DetachedMount& plan) {
  TRY_ASSIGN(UniqueFd mount, clone_source(plan));
  if (!plan.shared) {
    TRY(make_slave(mount.get()));
  }
  TRY(change(mount.get(), plan.tree, true));
  TRY(change(mount.get(), plan.own, false));
  if (!plan.uid_mappings.empty()) {
    TRY(map_mount(mount.get(), plan.uid_mappings, plan.gid_mappings, plan.idmap_recursive));
  }
  return mount;
}

Result<std::vector<UniqueFd>> prepare_mounts(const std::vector<plan::DetachedMount>& mounts) {
  std::vector<UniqueFd> out;
  for (const auto& mount : mounts) {
    auto prepared = prepare_mount(mount);
    if (!prepared) {
      return tl::unexpected<Error>(
          std::move(prepared).error().with("bind mount " + mount.source + " on " + mount.destination));
    }
    out.push_back(std::move(*prepared));
  }
  return out;
}

// Devices cannot be opened through the mount, not even one that takes a file's place between two looks.
Status read_attested(int mount, const hardening::Attestation& attestation, const TreeView& view) {
  struct statfs before {};
  if (::fstatfs(mount, &before) != 0) {
    return fail_errno("statfs rootfs");
  }
  TRY(change(mount, {MOUNT_ATTR_NODEV, 0}, false));
  TRY(attest_root(mount, attestation, view));
  return (before.f_flags & ST_NODEV) != 0 ? Status{} : change(mount, {0, MOUNT_ATTR_NODEV}, false);
}

// The mount that is read here is the one that will be attached, whatever happens to its path. What is mounted below that
// path from now on stays outside.
Status attest(int mount, const plan::RootPlan& root, const plan::NamespacePlan& namespaces, TreeMaker maker) {
  // The manifest speaks of the launcher's ids, which a child in a user namespace of its own sees as others.
  const bool inside = maker == TreeMaker::child && namespaces.creates("user");
  const TreeView view = inside ? TreeView{namespaces.uid_map, namespaces.gid_map} : TreeView{};
  sys::MountChange alone;
  alone.propagation = MS_PRIVATE;
  TRY(sys::change_mount(mount, alone, true));
  if (root.keep_attested) {
    TRY(change(mount, {MOUNT_ATTR_RDONLY, 0}, false));
  }
  return read_attested(mount, *root.attestation, view);
}

Result<UniqueFd> prepare_root(const plan::RootPlan& root, const plan::NamespacePlan& namespaces, TreeMaker maker) {
  auto mount = sys::clone_tree_at(root.path, true);
  if (!mount) {
    return tl::unexpected<Error>(std::move(mount).error().with("rootfs"));
  }
  struct stat info {};
  if (::fstat(mount->get(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return fail(ErrorCode::invalid_config, "config.json: root.path: " + root.path + " is not a directory");
  }
  TRY(make_slave(mount->get()));
  if (root.attestation) {
    TRY(attest(mount->get(), root, namespaces, maker));
  }
  if (root.kind == plan::RootKind::overlay && namespaces.creates("user") && maker == TreeMaker::launcher) {
    TRY(map_root(mount->get(), namespaces));
  }
  return mount;
}

}  // namespace

std::vector<sys::IdRange> id_ranges(const std::vector<oci::IdMapping>& mappings) {
  std::vector<sys::IdRange> out;
  out.reserve(mappings.size());
  for (const auto& mapping : mappings) {
    out.push_back({mapping.container_id, mapping.host_id, mapping.size});
  }
  return out;
}

Status prepare_trees(InitContext& context, TreeMaker maker) {
  TRY_ASSIGN(context.root, prepare_root(context.plan.root, context.plan.namespaces, maker));
  TRY_ASSIGN(context.detached, prepare_mounts(context.plan.detached));
  return {};
}

}  // namespace nucleus::launch
