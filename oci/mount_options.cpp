#include "oci/mount_options.hpp"

#include <algorithm>
#include <array>

#include "oci/quote.hpp"

namespace nucleus::oci {
namespace {

using Kind = MountOptionKind;
namespace attr = mount_attr;

// A change of access-time mode has to clear the whole field (mount_setattr(2)).
constexpr std::array kOptions = {
    MountOption{"acl", Kind::superblock},
    MountOption{"async", Kind::superblock},
    MountOption{"atime", Kind::attribute, attr::kRelatime, attr::kAtimeMask},
    MountOption{"bind", Kind::bind},
    MountOption{"defaults", Kind::none},
    MountOption{"dev", Kind::attribute, 0, attr::kNodev},
    MountOption{"diratime", Kind::attribute, 0, attr::kNodiratime},
    MountOption{"dirsync", Kind::superblock},
    MountOption{"exec", Kind::attribute, 0, attr::kNoexec},
    MountOption{"idmap", Kind::idmap},
    MountOption{"iversion", Kind::superblock},
    MountOption{"lazytime", Kind::superblock},
    MountOption{"loud", Kind::none},
    MountOption{"mand", Kind::superblock},
    MountOption{"noacl", Kind::superblock},
    MountOption{"noatime", Kind::attribute, attr::kNoatime, attr::kAtimeMask},
    MountOption{"nodev", Kind::attribute, attr::kNodev, 0},
    MountOption{"nodiratime", Kind::attribute, attr::kNodiratime, 0},
    MountOption{"noexec", Kind::attribute, attr::kNoexec, 0},
    MountOption{"noiversion", Kind::superblock},
    MountOption{"nolazytime", Kind::superblock},
    MountOption{"nomand", Kind::superblock},
    MountOption{"norelatime", Kind::attribute, attr::kRelatime, attr::kAtimeMask},
    MountOption{"nostrictatime", Kind::attribute, attr::kRelatime, attr::kAtimeMask},
    MountOption{"nosuid", Kind::attribute, attr::kNosuid, 0},
    MountOption{"nosymfollow", Kind::attribute, attr::kNosymfollow, 0},
    MountOption{"private", Kind::propagation},
    MountOption{"ratime", Kind::recursive_attribute, attr::kRelatime, attr::kAtimeMask},
    MountOption{"rbind", Kind::rbind},
    MountOption{"rdev", Kind::recursive_attribute, 0, attr::kNodev},
    MountOption{"rdiratime", Kind::recursive_attribute, 0, attr::kNodiratime},
    MountOption{"relatime", Kind::attribute, attr::kRelatime, attr::kAtimeMask},
    MountOption{"remount", Kind::remount},
    MountOption{"rexec", Kind::recursive_attribute, 0, attr::kNoexec},
    MountOption{"ridmap", Kind::ridmap},
    MountOption{"rnoatime", Kind::recursive_attribute, attr::kNoatime, attr::kAtimeMask},
    MountOption{"rnodev", Kind::recursive_attribute, attr::kNodev, 0},
    MountOption{"rnodiratime", Kind::recursive_attribute, attr::kNodiratime, 0},
    MountOption{"rnoexec", Kind::recursive_attribute, attr::kNoexec, 0},
    MountOption{"rnorelatime", Kind::recursive_attribute, attr::kRelatime, attr::kAtimeMask},
    MountOption{"rnostrictatime", Kind::recursive_attribute, attr::kRelatime, attr::kAtimeMask},
    MountOption{"rnosuid", Kind::recursive_attribute, attr::kNosuid, 0},
    MountOption{"rnosymfollow", Kind::recursive_attribute, attr::kNosymfollow, 0},
    MountOption{"ro", Kind::attribute, attr::kReadonly, 0},
    MountOption{"rprivate", Kind::propagation},
    MountOption{"rrelatime", Kind::recursive_attribute, attr::kRelatime, attr::kAtimeMask},
    MountOption{"rro", Kind::recursive_attribute, attr::kReadonly, 0},
    MountOption{"rrw", Kind::recursive_attribute, 0, attr::kReadonly},
    MountOption{"rshared", Kind::propagation},
    MountOption{"rslave", Kind::propagation},
    MountOption{"rstrictatime", Kind::recursive_attribute, attr::kStrictatime, attr::kAtimeMask},
    MountOption{"rsuid", Kind::recursive_attribute, 0, attr::kNosuid},
    MountOption{"rsymfollow", Kind::recursive_attribute, 0, attr::kNosymfollow},
    MountOption{"runbindable", Kind::propagation},
    MountOption{"rw", Kind::attribute, 0, attr::kReadonly},
    MountOption{"shared", Kind::propagation},
    MountOption{"silent", Kind::none},
    MountOption{"slave", Kind::propagation},
    MountOption{"strictatime", Kind::attribute, attr::kStrictatime, attr::kAtimeMask},
    MountOption{"suid", Kind::attribute, 0, attr::kNosuid},
    MountOption{"symfollow", Kind::attribute, 0, attr::kNosymfollow},
    MountOption{"sync", Kind::superblock},
    MountOption{"tmpcopyup", Kind::tmpcopyup},
    MountOption{"unbindable", Kind::propagation},
};
static_assert(std::is_sorted(kOptions.begin(), kOptions.end(),
                             [](const MountOption& a, const MountOption& b) { return a.name < b.name; }));

void apply(MountAttributeChange& change, const MountOption& option) {
  change.set = (change.set & ~option.clear) | option.set;
  change.clear |= option.clear;
}

// Every kind has one place in the set.
void apply(MountOptionSet& out, const MountOption& option) {
  switch (option.kind) {
    case Kind::attribute:
      return apply(out.own, option);
    case Kind::recursive_attribute:
      return apply(out.tree, option);
    case Kind::propagation:
      out.propagation = option.name;
      return;
    case Kind::bind:
    case Kind::rbind:
      out.bind = true;
      out.recursive |= option.kind == Kind::rbind;
      return;
    case Kind::remount:
      out.remount = true;
      return;
    case Kind::superblock:
      out.superblock.emplace_back(option.name);
      return;
    case Kind::idmap:
    case Kind::ridmap:
      out.idmap = true;
      out.idmap_recursive |= option.kind == Kind::ridmap;
      return;
    case Kind::tmpcopyup:
      out.tmpcopyup = true;
      return;
    case Kind::none:
      return;
  }
}

tl::unexpected<Error> bad_option(std::string_view option, std::string_view why) {
  return fail(ErrorCode::invalid_config, quote(option) + ' ' + std::string(why));
}

}  // namespace

std::span<const MountOption> mount_options() { return kOptions; }

const MountOption* find_mount_option(std::string_view name) {
  const auto* const found = std::lower_bound(kOptions.begin(), kOptions.end(), name,
                                             [](const MountOption& a, std::string_view b) { return a.name < b; });
  return found != kOptions.end() && found->name == name ? found : nullptr;
}

MountOptionSet parse_mount_options(std::span<const std::string> options) {
  MountOptionSet out;
  for (const std::string& text : options) {
    if (const MountOption* known = find_mount_option(text)) {
      apply(out, *known);
    } else if (!text.empty()) {
      out.data.push_back(text);
    }
  }
  return out;
}

Status check_mount_option(std::string_view option) {
  if (option.starts_with('=')) {
    return bad_option(option, "has no name");
  }
  bool quoted = false;
  for (const char c : option) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      return bad_option(option, "holds a control character");
    }
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      return bad_option(option, "holds a comma: options are separate list elements");
    }
  }
  return quoted ? Status(bad_option(option, "holds an unpaired quote")) : Status{};
}

}  // namespace nucleus::oci
