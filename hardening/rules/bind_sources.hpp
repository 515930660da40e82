// Which host paths a bind mount must not reach without a grant.
#pragma once

#include <string>
#include <string_view>

#include "hardening/rules/rule.hpp"

namespace nucleus::hardening {

// Why this bind is a request beyond the defaults, "" when it is not. The source is judged by its text and, where the
// facts know it, by where it leads: a symlink is no way around.
[[nodiscard]] std::string sensitive_bind(const RuleContext& context, const oci::Mount& mount);

// A bind of the host's own /sys or /proc in the place of a fresh mount: what engines send when the container shares the
// host's network or pid namespace, where a fresh mount is not possible in a user namespace.
[[nodiscard]] bool stands_for_kernel_mount(const RuleContext& context, const oci::Mount& mount);

}  // namespace nucleus::hardening
