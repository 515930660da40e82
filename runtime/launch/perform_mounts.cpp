#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/openat2.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "runtime/base/io.hpp"
#include "runtime/launch/ephemeral_root.hpp"
#include "runtime/launch/performer.hpp"
#include "runtime/sys/device.hpp"
#include "runtime/sys/mount.hpp"
#include "runtime/sys/tree_copy.hpp"

namespace nucleus::launch {
namespace {

using plan::RootKind;

// ---- mount targets --------------------------------------------------------------------------------------------------

// proc and sysfs carry what the runtime and the masks rely on: their mount points are real directories, reached without
// a single symlink (CVE-2019-19921, CVE-2023-27561, CVE-2023-28642).
Result<UniqueFd> plain_directory(const sys::RootDir& root, const std::string& path) {
  TRY(root.make_directories(path));
  auto opened = sys::open_resolved(root.fd(), path, O_PATH | O_DIRECTORY, 0,
                                   RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  if (!opened && opened.error().sys_errno == ELOOP) {
    return fail(ErrorCode::invalid_config, "the mount point " + path + " is, or lies behind, a symlink in the rootfs");
  }
  return opened;
}

// A user namespace gets a sysfs of its own only with a network of its own. Where the host's network was granted, the
// host's /sys, which shows that network, is bound instead, and only for reading.
Result<UniqueFd> bound_sysfs(const plan::MountFilesystem& op) {
  TRY_ASSIGN(UniqueFd mount, sys::clone_tree_at("/sys", true));
  sys::MountChange change;
  change.set = op.attributes | MOUNT_ATTR_RDONLY;
  change.propagation = MS_SLAVE;
  TRY(sys::change_mount(mount.get(), change, true));
  return mount;
}

Result<UniqueFd> make_mount(const plan::MountFilesystem& op, const plan::NamespacePlan& namespaces) {
  auto mount = sys::make_filesystem({op.type, op.source, op.parameters, op.attributes, false});
  const bool refused = !mount && mount.error().sys_errno == EPERM;
  const bool host_network = !namespaces.creates("network") && !namespaces.joins("network");
  return refused && op.type == "sysfs" && host_network ? bound_sysfs(op) : std::move(mount);
}

// Files of /proc that monitoring tools (lxcfs) put over the real ones.
constexpr std::array<std::string_view, 11> kReplaceable = {"/proc/cpuinfo",
                                                           "/proc/diskstats",
                                                           "/proc/meminfo",
                                                           "/proc/stat",
                                                           "/proc/swaps",
                                                           "/proc/uptime",
                                                           "/proc/loadavg",
                                                           "/proc/slabinfo",
                                                           "/proc/net/dev",
                                                           "/proc/sys/kernel/ns_last_pid",
                                                           "/proc/sys/crypto/fips_enabled"};

// A mount inside /proc could fake what labels and sysctls are written to (CVE-2019-16884).
Status refuse_proc_cover(int target, const std::string& destination) {
  struct statfs info {};
  if (::fstatfs(target, &info) != 0) {
    return fail_errno("statfs " + destination);
  }
  const bool listed = std::find(kReplaceable.begin(), kReplaceable.end(), destination) != kReplaceable.end();
  if (info.f_type == PROC_SUPER_MAGIC && !listed) {
    return fail(ErrorCode::invalid_config, destination + " cannot be mounted because it is inside /proc");
  }
  return {};
}

Status apply_propagation(int mount, const std::string& name) {
  if (name.empty()) {
    return {};
  }
  const unsigned long flags = sys::propagation_flags(name);
  sys::MountChange change;
  change.propagation = flags & ~static_cast<unsigned long>(MS_REC);
  return sys::change_mount(mount, change, (flags & MS_REC) != 0);
}

// tmpcopyup: the image's directory goes into the new file system. Its own mode and owner are the image's too, unless the
// mount's options name them.
Status copy_up(const plan::MountFilesystem& op, int covered, int mount) {
  const auto names = [&](std::string_view key) {
    return std::any_of(op.parameters.begin(), op.parameters.end(),
                       [&](const auto& entry) { return entry.first == key; });
  };
  struct stat asked {};
  TRY_ASSIGN(const UniqueFd source, open_at(covered, ".", O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(const UniqueFd target, open_at(mount, ".", O_RDONLY | O_DIRECTORY));
  if (::fstat(target.get(), &asked) != 0) {
    return fail_errno("stat " + op.target);
  }
  TRY(sys::copy_tree(source.get(), mount));
  const uid_t uid = names("uid") ? asked.st_uid : static_cast<uid_t>(-1);
  const gid_t gid = names("gid") ? asked.st_gid : static_cast<gid_t>(-1);
  if (::fchown(target.get(), uid, gid) != 0) {
    return fail_errno("chown " + op.target);
  }
  if (names("mode") && ::fchmod(target.get(), asked.st_mode & 07777) != 0) {
    return fail_errno("chmod " + op.target);
  }
  return {};
}

Result<UniqueFd> mount_point(const InitContext& context, const std::string& path, bool directory) {
  const sys::RootDir& root = *context.root_dir;
  auto made = directory ? root.make_directories(path) : root.create_file(path);
  if (!made && made.error().sys_errno == EROFS && context.plan.root.keep_attested) {
    made.error().text += "; an attested read-only rootfs has to hold " + path + " already when its manifest is made";
  }
  return made;
}

sys::DeviceNode node_of(const oci::Device& device) {
  sys::DeviceNode node;
  node.type = device.type.empty() ? 'c' : device.type.front();
  node.major = static_cast<std::uint32_t>(device.major);
  node.minor = static_cast<std::uint32_t>(device.minor);
  node.mode = device.file_mode.value_or(0666);
  node.uid = device.uid.value_or(0);
  node.gid = device.gid.value_or(0);
  return node;
}

}  // namespace

// The launcher's detached clone is laid over "/": a place that every id can reach, also where the directories above
// the rootfs are closed to the ids of a user namespace.
Status Performer::operator()(const plan::AttachRoot& op) const {
  TRY(sys::set_root_propagation(sys::propagation_flags(op.propagation)));
  TRY_ASSIGN(const UniqueFd slash, open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY));
  TRY(sys::attach(context.root.get(), slash.get()));
  UniqueFd root = std::move(context.root);
  if (context.plan.root.kind == RootKind::overlay) {
    TRY_ASSIGN(root, cover_with_ephemeral(root.get(), slash.get(), context.plan.namespaces.creates("user"),
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

Status Performer::operator()(const plan::MountFilesystem& op) const {
  const sys::RootDir& root = *context.root_dir;
  const bool kernel_view = op.type == "proc" || op.type == "sysfs";
  TRY_ASSIGN(const UniqueFd target,
             kernel_view ? plain_directory(root, op.target) : mount_point(context, op.target, true));
  if (!kernel_view) {
    TRY(refuse_proc_cover(target.get(), op.target));
  }
  TRY_ASSIGN(const UniqueFd mount, make_mount(op, context.plan.namespaces));
  if (op.copy_up) {
    TRY_WITH(copy_up(op, target.get(), mount.get()), "tmpcopyup");
  }
  for (const auto& [name, destination] : op.symlinks) {
    if (::symlinkat(destination.c_str(), mount.get(), name.c_str()) != 0) {
      return fail_errno("symlink " + name);
    }
  }
  TRY(sys::attach(mount.get(), target.get()));
  return apply_propagation(mount.get(), op.propagation);
}

Status Performer::operator()(const plan::AttachMount& op) const {
  const UniqueFd mount = std::move(context.detached[op.index]);
  struct stat info {};
  if (::fstat(mount.get(), &info) != 0) {
    return fail_errno("stat the source");
  }
  TRY_ASSIGN(const UniqueFd target, mount_point(context, op.target, S_ISDIR(info.st_mode)));
  TRY(refuse_proc_cover(target.get(), op.target));
  TRY(sys::attach(mount.get(), target.get()));
  return apply_propagation(mount.get(), op.propagation);
}

Status Performer::operator()(const plan::MakeDeviceNode& op) const {
  TRY(sys::make_device(*context.root_dir, op.device.path, node_of(op.device)));
  return {};
}

Status Performer::operator()(const plan::MakeSymlink& op) const {
  return sys::make_symlink(*context.root_dir, op.target, op.path);
}

Status Performer::operator()(const plan::EnsureDirectory& op) const {
  // Where it cannot be made and is not there, EnterDirectory says so, in the words that engines know.
  (void)context.root_dir->make_directories(op.path);
  return {};
}

Status Performer::operator()(const plan::PivotRoot&) const {
  const auto& ops = context.plan.init;
  if (std::any_of(ops.begin(), ops.end(),
                  [](const plan::InitOp& op) { return std::holds_alternative<plan::MaskPath>(op.action); })) {
    TRY_ASSIGN(context.masker, sys::Masker::make());
  }
  return sys::pivot_root_into(context.root_dir->fd());
}

}  // namespace nucleus::launch
