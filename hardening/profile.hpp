// Profiles of the host configuration: another policy set and mode for containers of an engine that has no other way to ask
// for one. buildah (and podman build) sends no annotations and passes the runtime no options, but a RUN step needs what no
// ordinary workload gets.
//
// Threat: an image, a workload or somebody who may only start containers must not reach a wider set by looking like a
// build. A profile therefore applies only where all three hold:
//  - config.json has no annotation at all. podman always writes its own ones and copies those of images on top; an
//    engine whose containers have annotations can choose by them, so it needs no profile.
//  - the id begins as the engine's ids begin. podman's and CRI's are random hexadecimal; no image has a say in any.
//  - the bundle lies below a directory where only that engine's bundles are made. The path is the kernel's name of the
//    directory that was opened, not the one given. This is what stops `ctr run IMAGE buildah-buildah1`.
// A directory that others may write to (/var/tmp) is enough: the bundle's path comes from the caller of the runtime.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hardening/modes.hpp"

namespace nucleus::hardening {

// One [[profile]] table.
struct Profile {
  std::string name;
  std::string id;            // an id, or its beginning and then "*"
  std::string bundle_below;  // absolute, normal, not "/"
  std::string policy;        // name of a set, pinned or not
  std::optional<Mode> mode;  // without it, the host's
  std::string place;         // "/etc/nucleus/nucleus.toml:7:1"
  bool operator==(const Profile&) const = default;
};

// What is known about a container apart from its config. Empty where nobody knows (`explain` without an id).
struct ContainerIdentity {
  std::string id;
  std::string bundle;  // oci::Bundle::path
};

// The first profile that applies, or nullptr.
[[nodiscard]] const Profile* find_profile(const std::vector<Profile>& profiles, const ContainerIdentity& container,
                                          const std::map<std::string, std::string>& annotations);

// profile "build" (/etc/nucleus/nucleus.toml:7:1)
[[nodiscard]] std::string describe(const Profile& profile);

}  // namespace nucleus::hardening
