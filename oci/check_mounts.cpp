// config.md "Mounts".
#include <algorithm>

#include "oci/checks.hpp"
#include "oci/mount_options.hpp"

namespace nucleus::oci::checks {
namespace {

using MountCheck = Status (*)(const Spec&, const Mount&, const std::string& path);

Status for_each_mount(const Spec& spec, MountCheck check) {
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    TRY(check(spec, spec.mounts[i], element("mounts", i)));
  }
  return {};
}

bool is_bind(const Mount& mount, const MountOptionSet& options) { return mount.type == "bind" || options.bind; }

Status destination(const Spec&, const Mount& mount, const std::string& path) {
  TRY(absolute_path(path + ".destination", mount.destination));
  if (names_root(mount.destination)) {
    return invalid(path + ".destination", "must not be the root directory");
  }
  return {};
}

Status type_and_source(const Spec&, const Mount& mount, const std::string& path) {
  const MountOptionSet options = parse_mount_options(mount.options);
  const bool bind = is_bind(mount, options);
  if (mount.type.empty() && !bind && !options.remount) {
    return invalid(path + ".type", "must not be empty unless the options hold bind or rbind");
  }
  if (mount.type.find_first_of("/, ") != std::string::npos || has_control(mount.type)) {
    return invalid(path + ".type", "not a file system type: " + quote(mount.type));
  }
  if (bind && mount.source.empty()) {
    return invalid(path + ".source", "must not be empty for a bind mount");
  }
  return {};
}

// A bind mount has no file system to refuse a misspelt "noexec", and what mount(8) understands by ro=recursive must not be
// lost: both are refused. mode=, size= and the like are ignored, as mount(2) ignores the data of a bind mount.
bool ignored_on_bind(const std::string& option) {
  const auto equals = option.find('=');
  return equals != std::string::npos && find_mount_option(option.substr(0, equals)) == nullptr;
}

// Data reaches a file system's parser, so only its form is checked.
Status options_of(const Spec&, const Mount& mount, const std::string& path) {
  for (std::size_t i = 0; i < mount.options.size(); ++i) {
    TRY_WITH(check_mount_option(mount.options[i]), element(path + ".options", i));
  }
  const MountOptionSet options = parse_mount_options(mount.options);
  const auto unknown = std::ranges::find_if_not(options.data, ignored_on_bind);
  if (is_bind(mount, options) && unknown != options.data.end()) {
    return invalid(path + ".options", "unknown option " + quote(*unknown) + " on a bind mount");
  }
  if (options.tmpcopyup && mount.type != "tmpfs") {
    return invalid(path + ".options", "\"tmpcopyup\" needs type tmpfs");
  }
  return {};
}

Status mappings(const Spec& spec, const Mount& mount, const std::string& path) {
  const MountOptionSet options = parse_mount_options(mount.options);
  const bool mapped = !mount.uid_mappings.empty() || !mount.gid_mappings.empty();
  TRY(id_mappings(path + ".uidMappings", mount.uid_mappings));
  TRY(id_mappings(path + ".gidMappings", mount.gid_mappings));
  if (mount.uid_mappings.empty() != mount.gid_mappings.empty()) {
    return invalid(path, "uidMappings and gidMappings must be set together");
  }
  if ((mapped || options.idmap) && !is_bind(mount, options)) {
    return invalid(path, "id-mapped mounts must be bind mounts");
  }
  if (options.idmap && !mapped && spec.linux.uid_mappings.empty()) {
    return invalid(path + ".options", "\"idmap\" needs mappings here or in linux.uidMappings");
  }
  return {};
}

}  // namespace

Status mount_destinations(const Spec& spec) { return for_each_mount(spec, destination); }
Status mount_types(const Spec& spec) { return for_each_mount(spec, type_and_source); }
Status mount_option_lists(const Spec& spec) { return for_each_mount(spec, options_of); }
Status mount_id_mappings(const Spec& spec) { return for_each_mount(spec, mappings); }

}  // namespace nucleus::oci::checks
