// The io.nucleus.* annotations that this version knows.
#pragma once

#include <array>
#include <string_view>

namespace nucleus::hardening {

inline constexpr std::string_view kAnnotationPrefix = "io.nucleus.";
inline constexpr std::string_view kModeAnnotation = "io.nucleus.mode";      // a mode's name, not passthrough
inline constexpr std::string_view kPolicyAnnotation = "io.nucleus.policy";  // NAME or NAME@sha256:HEX
inline constexpr std::string_view kGrantAnnotation = "io.nucleus.grant";    // grants, separated by commas
inline constexpr std::string_view kRootfsAnnotation = "io.nucleus.rootfs";  // one of the two below
// PATH@sha256:HEX of a file in the place of the policy set's (policy_replace.hpp).
inline constexpr std::string_view kSeccompAnnotation = "io.nucleus.seccomp";
inline constexpr std::string_view kCapsAnnotation = "io.nucleus.caps";
inline constexpr std::string_view kLandlockAnnotation = "io.nucleus.landlock";
inline constexpr std::string_view kEgressAnnotation = "io.nucleus.egress";
inline constexpr std::string_view kTraceAnnotation = "io.nucleus.seccomp.trace";      // a file's name
inline constexpr std::string_view kLearnAnnotation = "io.nucleus.seccomp.learn";      // a duration
inline constexpr std::string_view kDenialsAnnotation = "io.nucleus.seccomp.denials";  // true or false
inline constexpr std::string_view kAttestAnnotation = "io.nucleus.attest";            // FILE or FILE@sha256:HEX

inline constexpr std::string_view kEphemeral = "ephemeral";
inline constexpr std::string_view kPersistent = "persistent";

inline constexpr std::array kKnownAnnotations = {
    kModeAnnotation,     kPolicyAnnotation, kGrantAnnotation, kRootfsAnnotation, kSeccompAnnotation, kCapsAnnotation,
    kLandlockAnnotation, kEgressAnnotation, kTraceAnnotation, kLearnAnnotation,  kDenialsAnnotation, kAttestAnnotation};

}  // namespace nucleus::hardening
