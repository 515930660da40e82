// Which sysctls are the container's own: shared by the rewrite and by passthrough, which refuses the others as runc does.
#pragma once

#include <string>

#include "oci/spec.hpp"
#include "runtime/base/host_facts.hpp"

namespace nucleus::hardening {

// "net/ipv4/ip_forward" as "net.ipv4.ip_forward" (sysctl(8): where the first separator is '/', the slashes separate and
// dots belong to names).
[[nodiscard]] std::string dotted_sysctl(std::string name);

// The sysctl belongs to a namespace that the container does not share with the host.
[[nodiscard]] bool is_namespaced_sysctl(const oci::Spec& spec, const HostFacts& facts, const std::string& name);

}  // namespace nucleus::hardening
