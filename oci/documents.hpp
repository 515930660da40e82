// Documents that a runtime prints: `state` (runtime.md) and `features` (features.md, features-linux.md).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "runtime/base/host_facts.hpp"

namespace nucleus::oci {

inline constexpr std::string_view kSpecVersion = "1.3.0";

struct StateDocument {
  std::string oci_version{kSpecVersion};
  std::string id;
  int pid = 0;  // 0 when stopped
  std::string status;
  std::string bundle;
  std::string rootfs;
  std::string created;  // RFC 3339
  std::map<std::string, std::string> annotations;
  std::string owner;
};

// The members and order that runc prints (ociVersion id pid status bundle rootfs created annotations owner).
[[nodiscard]] std::string to_json(const StateDocument& state, int indent = 2);

// What a hook gets on stdin: runtime.md "State", without runc's own members.
[[nodiscard]] std::string hook_state_json(const StateDocument& state);

// features.md, complete for 1.3; depends on `facts` only where the spec says "on this host" (apparmor, selinux ...).
[[nodiscard]] std::string features_json(const HostFacts& facts, int indent = 2);

// config.json for `spec` / `spec --rootless`: the same meaning as runc's template.
[[nodiscard]] std::string default_config_json(bool rootless);

}  // namespace nucleus::oci
