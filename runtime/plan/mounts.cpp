#include <algorithm>
#include <charconv>

#include "oci/mount_options.hpp"
#include "runtime/plan/parts.hpp"

namespace nucleus::plan {
namespace {

using oci::MountOptionSet;

std::pair<std::string, std::string> parameter(const std::string& option) {
  const std::size_t equals = option.find('=');
  return equals == std::string::npos ? std::pair{option, std::string()}
                                     : std::pair{option.substr(0, equals), option.substr(equals + 1)};
}

std::vector<std::pair<std::string, std::string>> parameters(const MountOptionSet& options) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& flag : options.superblock) {
    out.emplace_back(flag, "");
  }
  for (const auto& option : options.data) {
    out.push_back(parameter(option));
  }
  return out;
}

std::string absolute_source(const PlanContext& context, const std::string& source) {
  return source.empty() || source.front() == '/' ? source : context.request.bundle + "/" + source;
}

void add_bind(PlanContext& context, const oci::Mount& mount, const MountOptionSet& options, std::string source,
              std::string target) {
  DetachedMount bind;
  bind.source = std::move(source);
  bind.recursive = options.recursive;
  bind.own = {options.own.set, options.own.clear};
  bind.tree = {options.tree.set, options.tree.clear};
  bind.destination = mount.destination;
  bind.shared = options.propagation == "shared" || options.propagation == "rshared";
  if (options.idmap || !mount.uid_mappings.empty()) {
    const oci::Linux& linux = context.spec.linux;
    bind.uid_mappings = mount.uid_mappings.empty() ? linux.uid_mappings : mount.uid_mappings;
    bind.gid_mappings = mount.gid_mappings.empty() ? linux.gid_mappings : mount.gid_mappings;
    bind.idmap_recursive = options.idmap_recursive;
  }
  context.add(AttachMount{context.plan.detached.size(), std::move(target), options.propagation});
  context.plan.detached.push_back(std::move(bind));
}

// Engines give terminals to group 5, which a map without it makes an invalid option; then they are the opener's group's.
bool maps_group(const PlanContext& context, const std::string& gid) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(gid.data(), gid.data() + gid.size(), number);
  const auto& map = context.plan.namespaces.gid_map;
  return error != std::errc() || end != gid.data() + gid.size() || !context.plan.namespaces.creates("user") ||
         std::any_of(map.begin(), map.end(), [&](const oci::IdMapping& range) {
           return number >= range.container_id && number - range.container_id < range.size;
         });
}

// A file system of its own. A read-only tmpfs is made writable first: what is put into it (device nodes, mount points
// of later mounts, the image's own files) must find room.
void add_filesystem(PlanContext& context, const oci::Mount& mount, const MountOptionSet& options) {
  MountFilesystem out;
  out.type = mount.type;
  out.source = mount.source;
  out.target = mount.destination;
  out.attributes = options.own.set | options.tree.set;
  out.parameters = parameters(options);
  out.propagation = options.propagation;
  out.copy_up = options.tmpcopyup;
  if (mount.type == "devpts") {
    std::erase_if(out.parameters, [&](const std::pair<std::string, std::string>& parameter) {
      return parameter.first == "gid" && !maps_group(context, parameter.second);
    });
  }
  if (mount.type == "tmpfs" && (out.attributes & oci::mount_attr::kReadonly) != 0) {
    out.attributes &= ~oci::mount_attr::kReadonly;
    context.add(RemountReadonly{mount.destination});
  }
  context.add(std::move(out));
}

// ---- cgroup file systems --------------------------------------------------------------------------------------------

bool has_cgroup_namespace(const oci::Spec& spec) {
  return std::any_of(spec.linux.namespaces.begin(), spec.linux.namespaces.end(),
                     [](const oci::Namespace& entry) { return entry.type == "cgroup"; });
}

std::string join_path(const std::string& base, const std::string& below) {
  const bool slash = (base.empty() || base.back() != '/') && (below.empty() || below.front() != '/');
  return base + (slash ? "/" : "") + below;
}

std::string own_cgroup(const PlanContext& context, const std::string& mountpoint, const std::string& own_path) {
  const CgroupPlan& cgroup = context.plan.cgroup;
  if (!cgroup.enabled || cgroup.best_effort) {  // which of the latter there will be is not known yet
    return join_path(mountpoint, own_path);
  }
  return join_path(cgroup.relative ? join_path(mountpoint, own_path) : mountpoint, cgroup.path);
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::vector<std::string> split_controllers(const std::string& list) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t comma = std::min(list.find(',', begin), list.size());
    out.push_back(list.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return out;
}

void add_v1_hierarchy(PlanContext& context, const oci::Mount& mount, const MountOptionSet& options,
                      const CgroupV1Mount& hierarchy) {
  const std::string target = join_path(mount.destination, base_name(hierarchy.mountpoint));
  if (!has_cgroup_namespace(context.spec)) {
    add_bind(context, mount, options, own_cgroup(context, hierarchy.mountpoint, hierarchy.own_path), target);
    return;
  }
  MountFilesystem out;
  out.type = "cgroup";
  out.source = "cgroup";
  out.target = target;
  out.attributes = options.own.set | options.tree.set;
  for (const auto& controller : split_controllers(hierarchy.controllers)) {
    out.parameters.push_back(parameter(controller));
  }
  context.add(std::move(out));
}

// What the host shows at /sys/fs/cgroup: a tmpfs with a directory per hierarchy, and links for joined controllers.
void add_v1_cgroups(PlanContext& context, const oci::Mount& mount, const MountOptionSet& options) {
  MountFilesystem base;
  base.type = "tmpfs";
  base.source = "tmpfs";
  base.target = mount.destination;
  base.attributes = (options.own.set | options.tree.set) & ~oci::mount_attr::kReadonly;
  base.parameters = {{"mode", "755"}};
  for (const auto& hierarchy : context.facts.cgroup.v1) {
    const std::string name = base_name(hierarchy.mountpoint);
    for (const auto& controller : split_controllers(hierarchy.controllers)) {
      if (controller != name && controller.find('=') == std::string::npos) {
        base.symlinks.emplace_back(controller, name);
      }
    }
  }
  context.add(std::move(base));
  for (const auto& hierarchy : context.facts.cgroup.v1) {
    add_v1_hierarchy(context, mount, options, hierarchy);
  }
  if (((options.own.set | options.tree.set) & oci::mount_attr::kReadonly) != 0) {
    context.add(RemountReadonly{mount.destination});
  }
}

void add_v2_cgroup(PlanContext& context, const oci::Mount& mount, const MountOptionSet& options) {
  const CgroupFacts& facts = context.facts.cgroup;
  if (!has_cgroup_namespace(context.spec)) {
    add_bind(context, mount, options, own_cgroup(context, facts.v2_mountpoint, facts.v2_own_path), mount.destination);
    return;
  }
  MountFilesystem out;
  out.type = "cgroup2";
  out.source = "cgroup";
  out.target = mount.destination;
  out.attributes = options.own.set | options.tree.set;
  context.add(std::move(out));
}

Status add_cgroup(PlanContext& context, const oci::Mount& mount, const MountOptionSet& options) {
  switch (context.facts.cgroup.layout) {
    case CgroupLayout::v2:
      add_v2_cgroup(context, mount, options);
      return {};
    case CgroupLayout::v1:
    case CgroupLayout::hybrid:
      add_v1_cgroups(context, mount, options);
      return {};
    case CgroupLayout::none:
      break;
  }
  return fail(ErrorCode::invalid_config, "mounts: no cgroup file system on this host for " + mount.destination);
}

// A source that led nowhere when it was judged must not lead through a symlink now.
std::string judged_source(const PlanContext& context, const oci::Mount& mount) {
  const auto real = context.facts.bind_sources.find(mount.source);
  if (real != context.facts.bind_sources.end()) {
    return real->second;
  }
  return context.hardened.mode == hardening::Mode::passthrough ? "" : absolute_source(context, mount.source);
}

Status plan_mount(PlanContext& context, const oci::Mount& mount) {
  const MountOptionSet options = oci::parse_mount_options(mount.options);
  if (is_bind(mount)) {
    add_bind(context, mount, options, absolute_source(context, mount.source), mount.destination);
    context.plan.detached.back().resolved = judged_source(context, mount);
    return {};
  }
  if (mount.type == "cgroup" || (mount.type == "cgroup2" && context.facts.cgroup.layout == CgroupLayout::v2)) {
    return add_cgroup(context, mount, options);
  }
  if (!mount.uid_mappings.empty() || options.idmap) {
    return fail(ErrorCode::invalid_config, "mounts: id mapping needs a bind mount, not " + mount.type);
  }
  add_filesystem(context, mount, options);
  return {};
}

}  // namespace

bool is_bind(const oci::Mount& mount) { return mount.type == "bind" || oci::parse_mount_options(mount.options).bind; }

Status plan_mounts(PlanContext& context) {
  for (const auto& mount : context.spec.mounts) {
    TRY(plan_mount(context, mount));
  }
  return {};
}

}  // namespace nucleus::plan
