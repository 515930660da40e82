// Kernel lockdown (kernel_lockdown(7)): whether the host's root can still change the running kernel.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/result.hpp"

namespace nucleus::sys {

// The word in brackets of "none [integrity] confidentiality", "" when the text is of another form.
[[nodiscard]] std::string lockdown_level(std::string_view text);

// What /sys/kernel/security/lockdown says now; "unknown" where securityfs or the lockdown module is missing.
[[nodiscard]] std::string kernel_lockdown();

// `level` is at least `wanted`: none (which anything is), integrity or confidentiality. Whatever is not known is less.
[[nodiscard]] bool locks_down(std::string_view level, std::string_view wanted);

}  // namespace nucleus::sys
