// What linux.namespaces says about one type.
#pragma once

#include <algorithm>
#include <string_view>

#include "oci/spec.hpp"
#include "runtime/base/host_facts.hpp"

namespace nucleus::hardening {

[[nodiscard]] inline const oci::Namespace* find_namespace(const oci::Spec& spec, std::string_view type) {
  const auto hit = std::ranges::find(spec.linux.namespaces, type, &oci::Namespace::type);
  return hit == spec.linux.namespaces.end() ? nullptr : &*hit;
}

// A path that nobody looked at counts as the host's: what cannot be ruled out is not granted.
[[nodiscard]] inline bool leads_to_host(const oci::Namespace& entry, const HostFacts& facts) {
  if (entry.path.empty()) {
    return false;
  }
  const auto fact = facts.namespace_paths.find(entry.path);
  return fact == facts.namespace_paths.end() || fact->second.is_host;
}

// The container shares the namespace of this type with the runtime's own environment.
[[nodiscard]] inline bool shares_host(const oci::Spec& spec, const HostFacts& facts, std::string_view type) {
  const auto* const entry = find_namespace(spec, type);
  return entry == nullptr || leads_to_host(*entry, facts);
}

}  // namespace nucleus::hardening
