#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <map>

#include "runtime/base/io.hpp"
#include "runtime/sys/cgroup.hpp"

namespace nucleus::sys {
namespace {

constexpr std::size_t kMountinfoLimit = 64 << 20;
constexpr const char* kUnifiedMount = "/sys/fs/cgroup";

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end != 0) {
      parts.push_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// mountinfo writes blanks and backslashes as \ooo, proc(5).
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto is_octal = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && is_octal(i + 1) && is_octal(i + 2) && is_octal(i + 3)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

struct MountLine {
  std::string root;
  std::string mountpoint;
  std::string type;
  std::vector<std::string_view> super_options;
};

std::optional<MountLine> parse_mount_line(std::string_view line) {
  const auto dash = line.find(" - ");
  if (dash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto before = split(line.substr(0, dash), ' ');
  const auto after = split(line.substr(dash + 3), ' ');
  if (before.size() < 5 || after.size() < 2) {
    return std::nullopt;
  }
  return MountLine{unescape(before[3]), unescape(before[4]), std::string(after[0]), split(after.back(), ',')};
}

// A process's cgroup as seen below a mount whose root is not the hierarchy's root (inside a container).
std::string below_root(std::string_view own, std::string_view root) {
  if (root != "/" && own.starts_with(root) && (own.size() == root.size() || own[root.size()] == '/')) {
    own.remove_prefix(root.size());
  }
  return own.empty() ? "/" : std::string(own);
}

struct OwnCgroups {
  std::map<std::string, std::string, std::less<>> v1;  // controllers -> path
  std::string v2;
};

OwnCgroups parse_own(std::string_view text) {
  OwnCgroups own;
  for (const auto line : split(text, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) {
      continue;
    }
    const auto controllers = line.substr(first + 1, second - first - 1);
    const auto path = line.substr(second + 1);
    if (controllers.empty()) {
      own.v2 = path;
    } else {
      own.v1.emplace(controllers, path);
    }
  }
  return own;
}

void add_v1(CgroupFacts& facts, const OwnCgroups& own, const MountLine& mount) {
  for (const auto& [controllers, path] : own.v1) {
    const auto names = split(controllers, ',');
    const bool is_this = std::all_of(names.begin(), names.end(), [&](std::string_view name) {
      return std::find(mount.super_options.begin(), mount.super_options.end(), name) != mount.super_options.end();
    });
    const auto same = [&name = controllers](const CgroupV1Mount& seen) { return seen.controllers == name; };
    if (is_this && std::none_of(facts.v1.begin(), facts.v1.end(), same)) {
      facts.v1.push_back({controllers, mount.mountpoint, below_root(path, mount.root)});
    }
  }
}

Status read_v2_controllers(CgroupFacts& facts) {
  if (facts.v2_mountpoint.empty()) {
    return {};
  }
  TRY_ASSIGN(const std::string text, read_file(AT_FDCWD, facts.v2_mountpoint + "/cgroup.controllers", 64 * 1024));
  for (const auto line : split(text, '\n')) {
    for (const auto name : split(line, ' ')) {
      facts.v2_controllers.emplace_back(name);
    }
  }
  return {};
}

// True also when nobody can tell.
bool in_nested_namespace() {
  constexpr ino_t kFirst = 0xEFFFFFFB;  // PROC_CGROUP_INIT_INO, include/linux/proc_ns.h
  struct stat status {};
  return ::stat("/proc/self/ns/cgroup", &status) != 0 || status.st_ino != kFirst;
}

}  // namespace

CgroupFacts parse_cgroups(std::string_view mountinfo, std::string_view self_cgroup) {
  const OwnCgroups own = parse_own(self_cgroup);
  CgroupFacts facts;
  for (const auto line : split(mountinfo, '\n')) {
    if (line.find(" - cgroup") == std::string_view::npos) {
      continue;
    }
    const auto mount = parse_mount_line(line);
    if (mount && mount->type == "cgroup") {
      add_v1(facts, own, *mount);
    } else if (mount && mount->type == "cgroup2" && facts.v2_mountpoint.empty()) {
      facts.v2_mountpoint = mount->mountpoint;
      facts.v2_own_path = below_root(own.v2, mount->root);
    }
  }
  const bool has_v2 = !facts.v2_mountpoint.empty();
  facts.layout = facts.v1.empty() ? (has_v2 ? CgroupLayout::v2 : CgroupLayout::none)
                                  : (has_v2 ? CgroupLayout::hybrid : CgroupLayout::v1);
  return facts;
}

Result<CgroupFacts> find_cgroups() {
  TRY_ASSIGN(const std::string own, read_file(AT_FDCWD, "/proc/self/cgroup", 1 << 20));
  struct statfs status {};
  CgroupFacts facts;
  // The usual v2 host needs no walk through the mount table.
  if (::statfs(kUnifiedMount, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC && parse_own(own).v1.empty()) {
    facts.layout = CgroupLayout::v2;
    facts.v2_mountpoint = kUnifiedMount;
    facts.v2_own_path = below_root(parse_own(own).v2, "/");
    facts.nested = in_nested_namespace();
  } else {
    TRY_ASSIGN(const std::string mounts, read_file(AT_FDCWD, "/proc/self/mountinfo", kMountinfoLimit));
    facts = parse_cgroups(mounts, own);
  }
  TRY(read_v2_controllers(facts));
  return facts;
}

}  // namespace nucleus::sys
