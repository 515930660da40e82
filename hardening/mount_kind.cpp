#include "hardening/mount_kind.hpp"

#include <algorithm>
#include <optional>

#include "hardening/path_text.hpp"

namespace nucleus::hardening {
namespace {

bool has(const std::vector<std::string>& options, std::string_view option) {
  return std::ranges::find(options, option) != options.end();
}

// "suid" of "nosuid", "rw" of "ro".
std::string opposite(std::string_view flag) { return flag == "ro" ? "rw" : std::string(flag.substr(2)); }

}  // namespace

MountKind mount_kind(const oci::Mount& mount) {
  const auto& type = mount.type;
  if (type == "bind" || has(mount.options, "bind") || has(mount.options, "rbind")) {
    return MountKind::bind;
  }
  if (type == "sysfs" || type == "cgroup" || type == "cgroup2") {
    return MountKind::kernel;
  }
  if (type == "proc") {
    return MountKind::proc;
  }
  if (type == "mqueue") {
    return MountKind::mqueue;
  }
  if (type == "devpts") {
    return MountKind::devpts;
  }
  if (type == "tmpfs") {
    return normal_path(mount.destination) == "/dev" ? MountKind::device_tmpfs : MountKind::tmpfs;
  }
  return MountKind::other;
}

bool is_recursive_bind(const oci::Mount& mount) { return has(mount.options, "rbind"); }

bool is_read_only(const oci::Mount& mount) { return has_flag(mount.options, "ro"); }

bool has_flag(const std::vector<std::string>& options, std::string_view flag) {
  const std::string plain_off = opposite(flag);
  bool plain = false;
  std::optional<bool> recursive;  // mount_setattr(2) comes after the plain flags, so it decides
  for (const auto& option : options) {
    if (option == flag || option == plain_off) {
      plain = option == flag;
    } else if (option == "r" + std::string(flag) || option == "r" + plain_off) {
      recursive = option != "r" + plain_off;
    }
  }
  return recursive.value_or(plain);
}

void force_flag(std::vector<std::string>& options, std::string_view flag, bool recursive) {
  const std::string plain_off = opposite(flag);
  std::erase_if(options, [&](const std::string& option) { return option == plain_off || option == "r" + plain_off; });
  if (!has(options, flag)) {
    options.emplace_back(flag);
  }
  if (recursive && !has(options, "r" + std::string(flag))) {
    options.push_back("r" + std::string(flag));
  }
}

}  // namespace nucleus::hardening
