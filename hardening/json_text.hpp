// JSON texts for the `before` and `after` of findings, and pointers for their paths.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "oci/spec.hpp"

namespace nucleus::hardening {

// One line each; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_text(std::string_view text);
[[nodiscard]] std::string json_text(const std::vector<std::string>& texts);
[[nodiscard]] std::string json_text(const oci::Mount& mount);
[[nodiscard]] std::string json_text(const oci::Namespace& entry);
[[nodiscard]] std::string json_text(const std::vector<oci::Device>& devices);
[[nodiscard]] std::string json_text(const std::vector<oci::DeviceRule>& rules);
[[nodiscard]] std::string json_text(const oci::Rlimit& limit);
// A profile in short: its default action and how many names each other action has. The whole of it is in the JSON patch.
[[nodiscard]] std::string json_summary(const oci::Seccomp& profile);
[[nodiscard]] std::string json_text(std::int64_t number);
[[nodiscard]] std::string json_bool(bool value);

// The RFC 6901 token for a member name.
[[nodiscard]] std::string pointer_token(std::string_view name);

// "a, b, c" for error texts.
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");

}  // namespace nucleus::hardening
