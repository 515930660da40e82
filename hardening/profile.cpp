#include "hardening/profile.hpp"

#include <algorithm>
#include <string_view>

#include "hardening/path_text.hpp"

namespace nucleus::hardening {
namespace {

bool id_matches(std::string_view pattern, std::string_view id) {
  return pattern.ends_with('*') ? id.starts_with(pattern.substr(0, pattern.size() - 1)) : id == pattern;
}

bool applies(const Profile& profile, const ContainerIdentity& container) {
  return id_matches(profile.id, container.id) && container.bundle != profile.bundle_below &&
         at_or_below(container.bundle, profile.bundle_below);
}

}  // namespace

const Profile* find_profile(const std::vector<Profile>& profiles, const ContainerIdentity& container,
                            const std::map<std::string, std::string>& annotations) {
  if (!annotations.empty() || container.id.empty() || container.bundle.empty()) {
    return nullptr;
  }
  const auto hit = std::ranges::find_if(profiles, [&](const Profile& profile) { return applies(profile, container); });
  return hit == profiles.end() ? nullptr : &*hit;
}

std::string describe(const Profile& profile) { return "profile \"" + profile.name + "\" (" + profile.place + ")"; }

}  // namespace nucleus::hardening
