// config-linux.md "Namespaces", "User namespace mappings", "Offset for Time Namespace".
#include <array>

#include "oci/checks.hpp"
#include "oci/namespace_names.hpp"

namespace nucleus::oci::checks {
namespace {

constexpr std::array<std::string_view, 2> kClocks = {"monotonic", "boottime"};

const Namespace* find_namespace(const Spec& spec, std::string_view type) {
  const auto& all = spec.linux.namespaces;
  const auto found = std::find_if(all.begin(), all.end(), [&](const Namespace& ns) { return ns.type == type; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

Status namespaces(const Spec& spec) {
  for (std::size_t i = 0; i < spec.linux.namespaces.size(); ++i) {
    const Namespace& ns = spec.linux.namespaces[i];
    const std::string path = element("linux.namespaces", i);
    TRY(known_name(path + ".type", "namespace", ns.type, kNamespaceTypes));
    if (find_namespace(spec, ns.type) != &ns) {
      return invalid(path + ".type", "duplicate " + quote(ns.type));
    }
    if (!ns.path.empty()) {
      TRY(absolute_path(path + ".path", ns.path));
    }
  }
  return {};
}

Status user_mappings(const Spec& spec) {
  TRY(id_mappings("linux.uidMappings", spec.linux.uid_mappings));
  TRY(id_mappings("linux.gidMappings", spec.linux.gid_mappings));
  const Namespace* const user = find_namespace(spec, "user");
  if (user == nullptr) {
    const bool any = !spec.linux.uid_mappings.empty() || !spec.linux.gid_mappings.empty();
    const auto path = spec.linux.uid_mappings.empty() ? "linux.gidMappings" : "linux.uidMappings";
    return any ? Status(invalid(path, "needs a user namespace")) : Status{};
  }
  if (user->path.empty() && spec.linux.uid_mappings.empty()) {
    return invalid("linux.uidMappings", "must not be empty for a new user namespace");
  }
  if (user->path.empty() && spec.linux.gid_mappings.empty()) {
    return invalid("linux.gidMappings", "must not be empty for a new user namespace");
  }
  return {};
}

Status time_offsets(const Spec& spec) {
  constexpr std::uint32_t kSecond = 1'000'000'000;
  for (const auto& [clock, offset] : spec.linux.time_offsets) {
    const std::string path = entry("linux.timeOffsets", clock);
    TRY(known_name(path, "clock", clock, kClocks));
    if (offset.nanosecs >= kSecond) {
      return invalid(path + ".nanosecs", "must be less than 1000000000");
    }
  }
  const Namespace* const time = find_namespace(spec, "time");
  if (!spec.linux.time_offsets.empty() && (time == nullptr || !time->path.empty())) {
    return invalid("linux.timeOffsets", "needs a new time namespace");
  }
  return {};
}

}  // namespace nucleus::oci::checks
